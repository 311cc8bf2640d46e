// Belfry is a telephone exchange whose dialplans are Lua.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // so that schedule{ zone = "Europe/London" } works on a machine without zones

	"github.com/belfry-pbx/belfry/cmd"
)

func main() { os.Exit(cmd.Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
