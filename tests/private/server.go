// A git server at :8443, over TLS, for who knows the password, and an HTTP proxy at :3128. For tests.
package main

import (
	"crypto/subtle"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
)

const folder = "/private/"

func main() {
	password, err := os.ReadFile(folder + "password")
	if err != nil {
		log.Fatal(err)
	}
	git := &cgi.Handler{
		Path: "/usr/lib/git-core/git-http-backend",
		Env:  []string{"GIT_PROJECT_ROOT=/srv/git", "GIT_HTTP_EXPORT_ALL=1"},
	}
	guarded := func(answer http.ResponseWriter, request *http.Request) {
		user, given, _ := request.BasicAuth()
		if user != "builder" || subtle.ConstantTimeCompare([]byte(given), password) != 1 {
			answer.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(answer, "a password is needed", http.StatusUnauthorized)
			return
		}
		git.ServeHTTP(answer, request)
	}
	go func() { log.Fatal(http.ListenAndServe(":3128", http.HandlerFunc(tunnel))) }()
	log.Fatal(http.ListenAndServeTLS(":8443", folder+"tls.crt", folder+"tls.key", http.HandlerFunc(guarded)))
}

func tunnel(answer http.ResponseWriter, request *http.Request) {
	log.Printf("%s %s", request.Method, request.Host)
	if request.Method != http.MethodConnect {
		http.Error(answer, "tunnels alone", http.StatusMethodNotAllowed)
		return
	}
	there, err := net.Dial("tcp", request.Host)
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, _, err := http.NewResponseController(answer).Hijack()
	if err != nil {
		log.Print(err)
		return
	}
	defer here.Close()
	io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	go io.Copy(there, here)
	io.Copy(here, there)
}
