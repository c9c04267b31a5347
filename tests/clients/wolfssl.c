/*
 * SPDX-License-Identifier: MIT
 *
 * wolfSSL: three visits, see run.sh.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <wolfssl/options.h>
/* after its options */
#include <wolfssl/ssl.h>

static WOLFSSL_SESSION *session;

static const char *
talk(WOLFSSL *ssl)
{
	static const char get[] = "GET / HTTP/1.0\r\n\r\n";
	char bytes[1024];
	const char *result;

	if (wolfSSL_connect(ssl) != WOLFSSL_SUCCESS)
		return "failed";
	result = wolfSSL_session_reused(ssl) ? "resumed" : "full";
	wolfSSL_write(ssl, get, sizeof(get) - 1);
	while (wolfSSL_read(ssl, bytes, sizeof(bytes)) > 0)
		;
	if (!(wolfSSL_get_shutdown(ssl) & WOLFSSL_RECEIVED_SHUTDOWN))
		result = "cut";
	session = wolfSSL_get1_session(ssl);
	return result;
}

static const char *
visit(WOLFSSL_CTX *ctx, int port, const char *name)
{
	struct sockaddr_in to = {
	    .sin_family = AF_INET,
	    .sin_port = htons((unsigned short)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	WOLFSSL *ssl = wolfSSL_new(ctx);
	const char *result = "failed";

	if (ssl && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0) {
		wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, name,
		    (unsigned short)strlen(name));
		wolfSSL_UseSessionTicket(ssl);
		if (session)
			wolfSSL_set_session(ssl, session);
		wolfSSL_set_fd(ssl, fd);
		result = talk(ssl);
	}
	wolfSSL_free(ssl);
	close(fd);
	return result;
}

int
main(int argc, char **argv)
{
	static const char *const names[] = {
	    "shop.example", "shop.example", "admin.example"};
	WOLFSSL_CTX *ctx;

	if (argc != 3)
		return 2;
	wolfSSL_Init();
	ctx = wolfSSL_CTX_new(strcmp(argv[2], "1.2") == 0
				  ? wolfTLSv1_2_client_method()
				  : wolfTLSv1_3_client_method());
	wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_NONE, NULL);
	for (int i = 0; i < 3; i++)
		puts(visit(ctx, atoi(argv[1]), names[i]));
	return 0;
}
