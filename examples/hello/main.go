// Hello is the smallest exchange: whoever calls it hears a greeting.
package main

import (
	"context"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/signal"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/prompt"
	"github.com/belfry-pbx/belfry/engine/store/bolt"
	"github.com/belfry-pbx/belfry/stdlib"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, "127.0.0.1:5060", func(eng *engine.Engine) {
		fmt.Println("call sip:anything@" + eng.Addrs("udp")[0])
	}); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, listen string, ready func(*engine.Engine)) error {
	data, err := os.MkdirTemp("", "hello")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	db, err := bolt.Open(data+"/hello.db", bolt.Options{})
	if err != nil {
		return err
	}
	defer db.Close()

	var mux engine.Mux
	if err := mux.Add(engine.Route{Pattern: ".", From: []string{"any"}, Handler: engine.HandlerFunc(hello)}); err != nil {
		return err
	}
	eng, err := engine.New(ctx, engine.Options{
		Store: db, Data: data, Handler: &mux, Realm: "hello", UDP: []string{listen},
		Prompts: prompt.New(prompt.Options{Sources: []fs.FS{stdlib.Prompts()}}),
	})
	if err != nil {
		return err
	}
	defer eng.Close()
	ready(eng)
	return eng.Run(ctx)
}

// hello never looks for a hang-up: the primitive that meets it returns an error.
func hello(ctx context.Context, c *engine.Call) {
	if _, err := c.PlayPrompt(ctx, []engine.Prompt{{Name: "hello-world"}}, engine.PlayOptions{}); err != nil {
		c.Engine().Log().Info("gone", "call", c.ID(), "error", err)
	}
}
