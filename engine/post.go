package engine

import (
	"context"
	"fmt"
	"sync"

	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/mailbox/post"
	"github.com/belfry-pbx/belfry/engine/store"
)

// Messages that go by mail.

// enqueue is what is done with a message besides keeping it.
func (e *Engine) enqueue() func(store.Batch, mailbox.Message) error {
	if e.opts.Mail == nil || e.simulated() {
		return nil
	}
	return post.Enqueue
}

func (e *Engine) openPost() (err error) {
	if e.opts.Mail == nil || e.simulated() {
		return nil
	}
	o := post.Options{
		Settings: *e.opts.Mail, Store: e.opts.Store, Boxes: e.mailboxes, Line: e.directory.Line,
		Clock: e.clock, Log: e.log, Metrics: e.opts.Metrics,
	}
	if e.post, err = post.New(o); err != nil {
		return fmt.Errorf("prepare for mail: %w", err)
	}
	return nil
}

// runPost sends until ctx ends or stop is called, which returns when nothing is under way.
func (e *Engine) runPost(ctx context.Context) (stop func()) {
	if e.post == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := e.post.Run(ctx); err != nil {
			e.log.Error("messages do not go by mail until the next start", "error", err)
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// Post sends messages by mail; nil: they are not sent.
func (e *Engine) Post() *post.Post { return e.post }

// mails notes that a message goes by mail.
func (c *Call) mails(number string) {
	if c.engine.opts.Mail == nil {
		return
	}
	if l, err := c.engine.directory.Line(c.ctx, number); err == nil && l.MailTo() != "" {
		c.stored("a mail with the message goes", "to", l.MailTo())
	}
}
