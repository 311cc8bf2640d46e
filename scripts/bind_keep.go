package scripts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/store"
)

// storeBucket holds what scripts keep: "NAME/KEY", both escaped, as JSON.
const storeBucket = "scripts"

// The bounds of what a script keeps.
const (
	maxValue  = 64 << 10 // bytes
	maxNested = 16
	maxName   = 200
	maxTries  = 50 // of update, while others write
)

var errTooLarge = errors.New("cannot be kept")

// named is a list or store by its name.
type (
	listRef  struct{ name string }
	storeRef struct{ name string }
)

func (r *storeRef) key(key string) (string, error) {
	if key == "" || len(key) > maxName || r.name == "" || len(r.name) > maxName {
		return "", fmt.Errorf("%w: names and keys have 1 to %d characters", errTooLarge, maxName)
	}
	return url.PathEscape(r.name) + "/" + url.PathEscape(key), nil
}

func keepBindings() map[string]binding {
	change := func(do func(l *directory.List, ctx context.Context, entry string) error) binding {
		return func(sc *script, self any, a *args) (lua.LValue, error) {
			return done(sc.wait(func(ctx context.Context) error {
				return do(sc.engine().Directory().List(self.(*listRef).name), ctx, arg[string](a, "entry"))
			}))
		}
	}
	return map[string]binding{
		"list": func(sc *script, _ any, a *args) (lua.LValue, error) {
			return sc.object("List", &listRef{arg[string](a, "name")}), nil
		},
		"List:add":    change((*directory.List).Add),
		"List:remove": change((*directory.List).Remove),
		"List:includes": func(sc *script, self any, a *args) (lua.LValue, error) {
			var yes bool
			err := sc.wait(func(ctx context.Context) (err error) {
				yes, err = sc.engine().Directory().List(self.(*listRef).name).Includes(ctx, arg[string](a, "number"))
				return err
			})
			return lua.LBool(yes), err
		},
		"List:entries": func(sc *script, self any, _ *args) (lua.LValue, error) {
			var list []string
			err := sc.wait(func(ctx context.Context) (err error) {
				list, err = sc.engine().Directory().List(self.(*listRef).name).Entries(ctx)
				return err
			})
			return sc.textList(list), err
		},
		"store": func(sc *script, _ any, a *args) (lua.LValue, error) {
			return sc.object("Store", &storeRef{arg[string](a, "name")}), nil
		},
		"Store:get":    storeGet,
		"Store:set":    storeSet,
		"Store:update": storeUpdate,
	}
}

func keepFields() map[string]field {
	return map[string]field{
		"List.name":  func(_ *script, self any) (lua.LValue, error) { return lua.LString(self.(*listRef).name), nil },
		"Store.name": func(_ *script, self any) (lua.LValue, error) { return lua.LString(self.(*storeRef).name), nil },
	}
}

func (sc *script) bucket() store.Bucket { return sc.engine().Store().Bucket(storeBucket) }

// read gets a key's value and revision; nil and 0 if there is none.
func (sc *script) read(key string) (lua.LValue, uint64, error) {
	var e store.Entry
	err := sc.wait(func(ctx context.Context) (err error) { e, err = sc.bucket().Get(ctx, key); return err })
	if errors.Is(err, store.ErrNotFound) {
		return lua.LNil, 0, nil
	} else if err != nil {
		return nil, 0, err
	}
	var v any
	if err := json.Unmarshal(e.Value, &v); err != nil {
		return nil, 0, fmt.Errorf("read %s: %w", key, err)
	}
	return sc.fromJSON(v), e.Revision, nil
}

func storeGet(sc *script, self any, a *args) (lua.LValue, error) {
	key, err := self.(*storeRef).key(arg[string](a, "key"))
	if err != nil {
		return nil, err
	}
	v, _, err := sc.read(key)
	return v, err
}

func storeSet(sc *script, self any, a *args) (lua.LValue, error) {
	key, err := self.(*storeRef).key(arg[string](a, "key"))
	if err != nil {
		return nil, err
	}
	v, _ := a.value("value").(lua.LValue)
	if v == nil || v == lua.LNil {
		return done(sc.wait(func(ctx context.Context) error { return sc.bucket().Delete(ctx, key) }))
	}
	b, err := sc.encode(v)
	if err != nil {
		return nil, err
	}
	return done(sc.wait(func(ctx context.Context) error {
		_, err := sc.bucket().Put(ctx, key, b, ttl(a.lasting("ttl"))...)
		return err
	}))
}

func ttl(d time.Duration) []store.PutOption {
	if d == 0 {
		return nil
	}
	return []store.PutOption{store.TTL(d)}
}

// storeUpdate writes what fn makes of the value, and does so again while others write in between.
func storeUpdate(sc *script, self any, a *args) (lua.LValue, error) {
	key, err := self.(*storeRef).key(arg[string](a, "key"))
	if err != nil {
		return nil, err
	}
	l := sc.s.L
	for range maxTries {
		old, rev, err := sc.read(key)
		if err != nil {
			return nil, err
		}
		l.Push(arg[*lua.LFunction](a, "fn"))
		l.Push(old)
		l.Call(1, 1)
		v := l.Get(-1)
		l.Pop(1)
		err = sc.replace(key, v, rev)
		if !errors.Is(err, store.ErrConflict) {
			return v, err
		}
	}
	return nil, fmt.Errorf("update %s: %w", key, store.ErrConflict)
}

// replace writes a value if the key is still at a revision.
func (sc *script) replace(key string, v lua.LValue, rev uint64) error {
	if v == lua.LNil && rev == 0 {
		return nil
	}
	b, err := sc.encode(v)
	if err != nil {
		return err
	}
	return sc.wait(func(ctx context.Context) error {
		_, err := sc.bucket().PutIf(ctx, key, b, rev)
		return err
	})
}

func (sc *script) encode(v lua.LValue) ([]byte, error) {
	j, err := sc.toJSON(v, 0)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTooLarge, err)
	}
	if len(b) > maxValue {
		return nil, fmt.Errorf("%w: more than %d KiB", errTooLarge, maxValue>>10)
	}
	return b, nil
}

// toJSON makes a text, number, boolean or table of them something that can be written down.
func (sc *script) toJSON(v lua.LValue, depth int) (any, error) {
	switch v := v.(type) {
	case *lua.LNilType:
		return nil, nil
	case lua.LBool:
		return bool(v), nil
	case lua.LString:
		return string(v), nil
	case lua.LNumber:
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("%w: not a number", errTooLarge)
		}
		return float64(v), nil
	case *lua.LTable:
		if depth >= maxNested {
			return nil, fmt.Errorf("%w: tables are nested deeper than %d", errTooLarge, maxNested)
		}
		return sc.tableToJSON(sc.s.Whole(v), depth)
	}
	return nil, fmt.Errorf("%w: %s is neither a text, a number, true or false, nor a table of them", errTooLarge, aKind(v))
}

func (sc *script) tableToJSON(t *lua.LTable, depth int) (any, error) {
	var list []any
	fields := map[string]any{}
	for key, v := t.Next(lua.LNil); key != lua.LNil; key, v = t.Next(key) {
		j, err := sc.toJSON(v, depth+1)
		if err != nil {
			return nil, err
		}
		switch key := key.(type) {
		case lua.LNumber:
			if key != lua.LNumber(len(list)+1) {
				return nil, fmt.Errorf("%w: a list with gaps; use texts as keys", errTooLarge)
			}
			list = append(list, j)
		case lua.LString:
			fields[string(key)] = j
		default:
			return nil, fmt.Errorf("%w: %s as a key", errTooLarge, aKind(key))
		}
	}
	if list == nil {
		return fields, nil
	}
	if len(fields) > 0 {
		return nil, fmt.Errorf("%w: a table that is both a list and has fields", errTooLarge)
	}
	return list, nil
}

func (sc *script) fromJSON(v any) lua.LValue {
	switch v := v.(type) {
	case bool:
		return lua.LBool(v)
	case string:
		return lua.LString(v)
	case float64:
		return lua.LNumber(v)
	case []any:
		t := sc.s.L.CreateTable(len(v), 0)
		for _, item := range v {
			t.Append(sc.fromJSON(item))
		}
		return t
	case map[string]any:
		t := sc.s.L.CreateTable(0, len(v))
		for key, item := range v {
			t.RawSetString(key, sc.fromJSON(item))
		}
		return t
	}
	return lua.LNil
}
