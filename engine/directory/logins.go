package directory

import (
	"context"
	"fmt"
	"strings"

	"github.com/belfry-pbx/belfry/engine/store"
)

// Login lets a group ring the member again. Members are logged in until they log out.
func (d *Directory) Login(ctx context.Context, group, member string) error {
	key, err := logoutKey(group, member)
	if err != nil {
		return err
	}
	return d.remove(ctx, logoutBucket, key)
}

// Logout keeps a group from ringing the member, until Login, over calls and restarts.
func (d *Directory) Logout(ctx context.Context, group, member string) error {
	key, err := logoutKey(group, member)
	if err != nil {
		return err
	}
	if _, err := d.Line(ctx, member); err != nil { // bounds what can be written
		return fmt.Errorf("directory: logging out of %s: %w", quote(group), err)
	}
	if _, err := d.store.Bucket(logoutBucket).Put(ctx, key, nil); err != nil {
		return fmt.Errorf("directory: logging %s out of %s: %w", member, quote(group), err)
	}
	return nil
}

// LoggedOut returns the members who have logged out of the group, sorted.
func (d *Directory) LoggedOut(ctx context.Context, group string) ([]string, error) {
	if err := checkListName(group); err != nil {
		return nil, err
	}
	return members(&d.logouts, group), nil
}

func logoutKey(group, member string) (string, error) {
	if err := checkListName(group); err != nil {
		return "", err
	}
	if !isNumber(member) {
		return "", noLine(member)
	}
	return group + "/" + member, nil
}

func decodeLogout(store.Entry) (struct{}, error) { return struct{}{}, nil }

// logoutChanged tells the watchers of the member's line.
func (d *Directory) logoutChanged(key string) {
	_, member, _ := strings.Cut(key, "/")
	d.watch.Changed(member)
}
