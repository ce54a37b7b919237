//go:build tools

// Package tools pins what this piece is built from.
package tools

import (
	_ "github.com/traefik/traefik/v3/cmd/traefik"
)
