// SPDX-License-Identifier: MIT
//
// Go: three visits, see run.sh. A cache of one entry for every name, so that a
// ticket is offered at another name too.

package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
)

type one struct{ state *tls.ClientSessionState }

func (o *one) Get(string) (*tls.ClientSessionState, bool) {
	return o.state, o.state != nil
}

func (o *one) Put(_ string, state *tls.ClientSessionState) {
	if state != nil {
		o.state = state
	}
}

func visit(config *tls.Config, address, name string) string {
	c := config.Clone()
	c.ServerName = name
	conn, err := tls.Dial("tcp", address, c)
	if err != nil {
		return "failed"
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.0\r\n\r\n")
	if _, err = io.ReadAll(conn); err != nil {
		return "cut"
	}
	if conn.ConnectionState().DidResume {
		return "resumed"
	}
	return "full"
}

func main() {
	config := &tls.Config{
		InsecureSkipVerify: true,
		ClientSessionCache: &one{},
		MinVersion:         tls.VersionTLS13,
	}
	if os.Args[2] == "1.2" {
		config.MinVersion = tls.VersionTLS12
		config.MaxVersion = tls.VersionTLS12
	}
	address := "127.0.0.1:" + os.Args[1]
	for _, name := range []string{"shop", "shop", "admin"} {
		fmt.Println(visit(config, address, name+".example"))
	}
}
