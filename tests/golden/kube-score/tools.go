//go:build tools

// Package score names the program that is built here.
package score

import _ "github.com/zegl/kube-score/cmd/kube-score"
