// SPDX-License-Identifier: MIT
//
// Java (JSSE): three visits, see run.sh. Sessions are kept by address, so that
// a ticket may be offered at another name too. Whether a session was resumed is
// not to be asked; one that was has the time of the first.

import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.*;

class Client {
    static final X509TrustManager ANYBODY = new X509ExtendedTrustManager() {
        public void checkClientTrusted(X509Certificate[] c, String a) {}
        public void checkServerTrusted(X509Certificate[] c, String a) {}
        public void checkClientTrusted(X509Certificate[] c, String a,
            java.net.Socket s) {}
        public void checkServerTrusted(X509Certificate[] c, String a,
            java.net.Socket s) {}
        public void checkClientTrusted(X509Certificate[] c, String a,
            SSLEngine e) {}
        public void checkServerTrusted(X509Certificate[] c, String a,
            SSLEngine e) {}
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    };

    static long first;

    static String visit(SSLContext context, String[] args, String name) {
        try (SSLSocket s = (SSLSocket) context.getSocketFactory()
                 .createSocket("127.0.0.1", Integer.parseInt(args[0]))) {
            SSLParameters p = s.getSSLParameters();
            p.setServerNames(List.of(new SNIHostName(name + ".example")));
            p.setProtocols(new String[] {"TLSv" + args[1]});
            s.setSSLParameters(p);
            s.startHandshake();
            s.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes());
            s.getInputStream().readAllBytes();
            long made = s.getSession().getCreationTime();
            boolean resumed = made == first;
            first = made;
            Thread.sleep(5); // the next session's time is another
            return resumed ? "resumed" : "full";
        } catch (Exception e) {
            return "failed";
        }
    }

    public static void main(String[] args) throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {ANYBODY}, null);
        for (String name : new String[] {"shop", "shop", "admin"})
            System.out.println(visit(context, args, name));
    }
}
