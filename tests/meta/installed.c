/*
 * SPDX-License-Identifier: MIT
 *
 * The program that tests/meta/installed.sh builds against an installed
 * library: the version that is linked, and one engine.
 */
#include <stdio.h>
#include <string.h>

#include <usher.h>

int
main(void)
{
	static const char text[] = "return {}";
	struct usher_options *options = usher_options_new();
	struct usher_error error;
	struct usher *engine = NULL;

	if (options && usher_options_set_script_text(
			   options, "empty", text, strlen(text)) == 0)
		engine = usher_new(options, &error);
	usher_options_free(options);
	if (!engine) {
		fprintf(stderr, "%s\n", error.message);
		return 1;
	}
	usher_free(engine);
	printf("usher %s\n", usher_version());
	return 0;
}
