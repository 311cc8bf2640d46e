// Package cmd is the command belfry: one file a verb.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// commands is the command line, as kong reads it.
type commands struct {
	JSON bool `name:"json" help:"Print JSON instead of text."`

	Demo    demoCmd    `cmd:"" help:"Run the whole exchange on loopback, with nothing to set up."`
	Serve   serveCmd   `cmd:"" help:"Run an exchange."`
	Check   checkCmd   `cmd:"" help:"Look for mistakes in a dialplan."`
	Test    testCmd    `cmd:"" help:"Run the tests of a dialplan."`
	Explain explainCmd `cmd:"" help:"Tell what becomes of a call, and why, without placing it."`
	Call    callCmd    `cmd:"" help:"Place a call, to hear that it works."`
	Line    lineCmd    `cmd:"" help:"Manage lines: add, set, remove, list, show, import, export."`
	Mailbox mailboxCmd `cmd:"" help:"Manage mailboxes: list, show, unlock."`
	Calls   callsCmd   `cmd:"" help:"Show the calls under way, or the last ones."`
	Trace   traceCmd   `cmd:"" help:"Tell what happened in a call: messages, sound, and the lines of the dialplan."`
	Errors  errorsCmd  `cmd:"" help:"Show where the dialplan has failed during calls."`
	Reload  reloadCmd  `cmd:"" help:"Put a changed dialplan in force."`
	Doctor  doctorCmd  `cmd:"" help:"Look over the machine, the site and the data, for what could be better."`
	Version versionCmd `cmd:"" help:"Tell which version this is."`
}

// help is what belfry says when it is told nothing.
const help = `belfry: a telephone exchange whose dialplans are Lua

  belfry demo                     the whole exchange on loopback, nothing to set up
  belfry serve [--site DIR]       run an exchange
  belfry check [DIR]              look for mistakes in a dialplan
  belfry explain FROM TO          what becomes of a call, and why
  belfry test [DIR]               run the tests of a dialplan
  belfry call NUMBER              place a call, to hear that it works
  belfry line add|set|remove|list|show|import|export
  belfry mailbox list|show|unlock
  belfry calls                    the calls under way, or the last ones
  belfry trace [ID]               what happened in a call, with the lines of the dialplan
  belfry errors                   where the dialplan has failed during calls
  belfry reload                   put a changed dialplan in force
  belfry doctor                   what could be better on this machine
  belfry version

belfry VERB --help tells more.
New here?  belfry demo
`

// Main runs the command and returns its exit code. args do not have the program's name.
func Main(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	c := newConsole(in, out, errOut)
	if len(args) == 0 {
		c.printf("%s", help)
		return exitFine
	}
	if args[0] == "help" {
		args = append(args[1:], "--help")
	}
	var line commands
	helped := false
	parser, err := kong.New(&line,
		kong.Name("belfry"),
		kong.Description("A telephone exchange whose dialplans are Lua.\nExit codes: 0 fine, 1 your files or data, 2 usage, 3 no server, 4 the world."),
		kong.Writers(out, errOut),
		kong.Exit(func(int) { helped = true }), // kong leaves only after it has printed help
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(c),
	)
	if err != nil {
		c.fail(&failure{code: exitWorld, what: "the command line is misbuilt: " + err.Error()})
		return exitWorld
	}
	parsed, err := parser.Parse(args)
	c.json = line.JSON
	switch {
	case helped:
		return exitFine
	case err != nil:
		f := usageFailure(err)
		c.fail(f)
		return f.code
	}
	if err := parsed.Run(); err != nil {
		f := asFailure(err)
		c.fail(f)
		return f.code
	}
	return exitFine
}

func usageFailure(err error) *failure {
	do := "belfry --help lists what there is"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		do = fmt.Sprintf("belfry %s --help tells how", parse.Context.Selected().Path())
	}
	return &failure{code: exitUsage, what: err.Error(), do: do}
}
