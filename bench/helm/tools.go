//go:build tools

// Package helm names the program that is built here.
package helm

import _ "helm.sh/helm/v4/cmd/helm"
