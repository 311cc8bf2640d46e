package clock

import (
	"context"
	"errors"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func TestFakeFiresInOrderAtEachTimersOwnTime(t *testing.T) {
	c := NewFake(start)
	late, early := c.NewTimer(2*time.Second), c.NewTimer(time.Second)
	c.Advance(3 * time.Second)
	if at := <-early.C(); at != start.Add(time.Second) {
		t.Errorf("the one-second timer fired at %v", at)
	}
	if at := <-late.C(); at != start.Add(2*time.Second) {
		t.Errorf("the two-second timer fired at %v", at)
	}
	if now := c.Now(); now != start.Add(3*time.Second) {
		t.Errorf("the clock shows %v", now)
	}
}

func TestFakeStoppedTimerStaysSilent(t *testing.T) {
	c := NewFake(start)
	tm := c.NewTimer(time.Second)
	if !tm.Stop() {
		t.Fatal("Stop says that nothing was waiting")
	}
	c.Advance(time.Minute)
	select {
	case <-tm.C():
		t.Fatal("a stopped timer fired")
	default:
	}
}

func TestWithTimeoutCause(t *testing.T) {
	c := NewFake(start)
	ctx, cancel := WithTimeout(context.Background(), c, time.Second)
	defer cancel()
	c.Advance(time.Second)
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("cause %v", err)
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	c := NewFake(start)
	ctx, cancel := context.WithCancelCause(context.Background())
	gone := errors.New("hung up")
	done := make(chan error)
	go func() { done <- Sleep(ctx, c, time.Hour) }()
	c.BlockUntil(1)
	cancel(gone)
	if err := <-done; err != gone {
		t.Fatalf("Sleep returned %v", err)
	}
}

func TestJumpingFiresWhatIsSkipped(t *testing.T) {
	c := NewJumping()
	lock, later := c.NewTimer(30*time.Minute), c.NewTimer(24*time.Hour)
	called := make(chan struct{})
	c.AfterFunc(time.Minute, func() { close(called) })
	before := c.Now()
	c.Jump(30 * time.Minute)
	<-lock.C()
	<-called
	if passed := c.Now().Sub(before); passed < 30*time.Minute {
		t.Errorf("only %v have passed", passed)
	}
	if !later.Stop() {
		t.Error("a timer that was not due has fired")
	}
}
