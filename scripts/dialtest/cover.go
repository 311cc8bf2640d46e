package dialtest

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/belfry-pbx/belfry/engine"
)

// Cover is what of a dialplan no test has made use of.
type Cover struct {
	Extensions []Unused `json:"extensions"` // in the order in which they are tried
	Choices    []Menu   `json:"choices"`    // by the menu's name
	Served     int      `json:"served"`     // extensions that have been used
	Chosen     int      `json:"chosen"`     // keys that have been pressed
}

// Unused is an extension that no call came to.
type Unused struct {
	Pattern string   `json:"pattern"`
	Name    string   `json:"name,omitempty"`
	From    []string `json:"from,omitempty"` // "lines" if that is all: nothing
	Where   string   `json:"where"`
}

// Menu is a menu that somebody has been in, and the keys in it that nobody has pressed.
type Menu struct {
	Name string   `json:"name"`
	Keys []string `json:"keys"`
}

// witness sees what calls make use of. It is safe for concurrent use.
type witness struct {
	mu     sync.Mutex
	served map[string]bool            // by place, pattern and who may reach it
	menus  map[string]map[string]bool // by name and key: whether it was pressed
}

func newWitness() *witness {
	return &witness{served: map[string]bool{}, menus: map[string]map[string]bool{}}
}

func identity(r engine.Route) string {
	return r.Where + " " + r.Pattern + " " + strings.Join(r.From, " ")
}

// Served implements scripts.Witness.
func (w *witness) Served(r engine.Route) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.served[identity(r)] = true
}

// Chose implements scripts.Witness.
func (w *witness) Chose(name string, choices []string, chosen string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	menu := w.menus[name]
	if menu == nil {
		menu = map[string]bool{}
		w.menus[name] = menu
	}
	for _, c := range choices {
		menu[c] = menu[c] || c == chosen
	}
}

func (w *witness) cover(routes []engine.Route) *Cover {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &Cover{Extensions: []Unused{}, Choices: []Menu{}}
	for _, r := range routes {
		if w.served[identity(r)] {
			c.Served++
			continue
		}
		u := Unused{Pattern: r.Pattern, Name: r.Name, Where: r.Where}
		if !slices.Equal(r.From, []string{"lines"}) {
			u.From = r.From
		}
		c.Extensions = append(c.Extensions, u)
	}
	for name, keys := range w.menus {
		m := Menu{Name: name}
		for key, pressed := range keys {
			if pressed {
				c.Chosen++
			} else {
				m.Keys = append(m.Keys, key)
			}
		}
		if slices.Sort(m.Keys); len(m.Keys) > 0 {
			c.Choices = append(c.Choices, m)
		}
	}
	slices.SortFunc(c.Choices, func(a, b Menu) int { return strings.Compare(a.Name, b.Name) })
	return c
}

// Print writes it for people.
func (c *Cover) Print(w io.Writer) {
	keys := 0
	for _, m := range c.Choices {
		keys += len(m.Keys)
	}
	fmt.Fprintf(w, "%d of %d extensions and %d of %d menu keys were used\n", c.Served, c.Served+len(c.Extensions), c.Chosen, c.Chosen+keys)
	if len(c.Extensions) > 0 {
		fmt.Fprintf(w, "\n  nobody dialled\n")
	}
	for _, u := range c.Extensions {
		from := ""
		if len(u.From) > 0 {
			from = "from " + strings.Join(u.From, ", ")
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("    %-16s  %-28s  %-20s  %s", u.Pattern, u.Name, from, u.Where), " "))
	}
	if len(c.Choices) > 0 {
		fmt.Fprintf(w, "\n  nobody pressed\n")
	}
	for _, m := range c.Choices {
		fmt.Fprintf(w, "    %-16s  in %s\n", strings.Join(m.Keys, " "), m.Name)
	}
}
