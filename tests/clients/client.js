// SPDX-License-Identifier: MIT
//
// Node: three visits, see run.sh.

const tls = require("tls");

const [port, version] = process.argv.slice(2);
let ticket;

function visit(name) {
  return new Promise((resolve) => {
    const socket = tls.connect({
      port, host: "127.0.0.1", servername: name + ".example", session: ticket,
      rejectUnauthorized: false, minVersion: "TLSv" + version,
      maxVersion: "TLSv" + version,
    });
    let result = "failed";
    socket.on("session", (session) => { ticket = session; });
    socket.on("secureConnect", () => {
      result = socket.isSessionReused() ? "resumed" : "full";
      socket.write("GET / HTTP/1.0\r\n\r\n");
    });
    socket.on("data", () => {});
    socket.on("error", () => { result = "failed"; });
    socket.on("close", () => resolve(result));
  });
}

(async () => {
  for (const name of ["shop", "shop", "admin"]) {
    console.log(await visit(name));
  }
})();
