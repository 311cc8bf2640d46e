// Package syntax reads Lua: the language of gopher-lua, which is Lua 5.1 with goto. Every node knows from which byte
// to which it was written, so that whoever has something to say about a script can point at it exactly, and what is
// not Lua is told in terms of what was probably meant.
package syntax

// Span is where something stands: from byte Start up to but not including End.
type Span struct{ Start, End int }

// Pos is the span itself; it makes every node a Node.
func (s Span) Pos() Span { return s }

// Node is anything with a place.
type Node interface{ Pos() Span }

// Block is a list of statements.
type Block struct {
	Span
	Stmts []Stmt
}

// Stmt is a statement.
type Stmt interface {
	Node
	stmt()
}

// The statements.
type (
	// Assign is a, b.c = x, y.
	Assign struct {
		Span
		Targets, Values []Expr
	}
	// Local is local a, b = x, y.
	Local struct {
		Span
		Names  []*Name
		Values []Expr
	}
	// LocalFunc is local function f() … end, in which f is known.
	LocalFunc struct {
		Span
		Name *Name
		Func *Func
	}
	// FuncStmt is function a.b() … end or, with Method, function a.b:c() … end.
	FuncStmt struct {
		Span
		Target Expr // a *Name or *Index; with Method, what stands before the colon
		Method *Name
		Func   *Func
	}
	// CallStmt is a call for its effect.
	CallStmt struct {
		Span
		Call Expr // a *Call, perhaps in *Paren
	}
	// Do is do … end.
	Do struct {
		Span
		Body *Block
	}
	// While is while Cond do … end.
	While struct {
		Span
		Cond Expr
		Body *Block
	}
	// Repeat is repeat … until Cond, which knows the names of the block.
	Repeat struct {
		Span
		Body *Block
		Cond Expr
	}
	// If is a chain of conditions; Else is nil if there is none.
	If struct {
		Span
		Clauses []Clause
		Else    *Block
	}
	// NumFor is for Name = From, To, Step do … end; Step may be nil.
	NumFor struct {
		Span
		Name           *Name
		From, To, Step Expr
		Body           *Block
	}
	// GenFor is for Names in Values do … end.
	GenFor struct {
		Span
		Names  []*Name
		Values []Expr
		Body   *Block
	}
	// Return is return x, y.
	Return struct {
		Span
		Values []Expr
	}
	// Break is break.
	Break struct{ Span }
	// Label is ::name::.
	Label struct {
		Span
		Name *Name
	}
	// Goto is goto name.
	Goto struct {
		Span
		Name *Name
	}
)

// Clause is one condition of an If and what it leads to.
type Clause struct {
	Span // of if or elseif
	Cond Expr
	Body *Block
}

// Expr is an expression.
type Expr interface {
	Node
	expr()
}

// The expressions.
type (
	// Nil is nil.
	Nil struct{ Span }
	// Bool is true or false.
	Bool struct {
		Span
		Value bool
	}
	// Number is a number as it was written.
	Number struct {
		Span
		Text string
	}
	// String is a text; its span has the quotes in it.
	String struct {
		Span
		Value string
	}
	// Vararg is ….
	Vararg struct{ Span }
	// Name is a variable, or the name of a field, a method or a parameter.
	Name struct {
		Span
		Text string
	}
	// Func is function(a, b, ...) … end.
	Func struct {
		Span
		Keyword Span // of "function"
		Params  []*Name
		Vararg  bool
		Body    *Block
	}
	// Index is Object.Key or Object[Key].
	Index struct {
		Span
		Object Expr
		Key    Expr // a *String if Dot
		Dot    bool
	}
	// Call is Func(Args), or with Method Func:Method(Args).
	Call struct {
		Span
		Func   Expr // the receiver, with Method
		Method *Name
		Args   []Expr
	}
	// Paren is (Inner): one value, even of a call.
	Paren struct {
		Span
		Inner Expr
	}
	// Table is { … }.
	Table struct {
		Span
		Fields []Field
	}
	// Binary is Left Op Right.
	Binary struct {
		Span
		Op          string
		OpPos       Span
		Left, Right Expr
	}
	// Unary is Op X, Op being -, not or #.
	Unary struct {
		Span
		Op string
		X  Expr
	}
)

// Field is an entry of a table; Key is nil for one that is counted.
type Field struct {
	Key   Expr // a *String, if Named
	Named bool // name = value, not [key] = value
	Value Expr
}

func (*Assign) stmt()    {}
func (*Local) stmt()     {}
func (*LocalFunc) stmt() {}
func (*FuncStmt) stmt()  {}
func (*CallStmt) stmt()  {}
func (*Do) stmt()        {}
func (*While) stmt()     {}
func (*Repeat) stmt()    {}
func (*If) stmt()        {}
func (*NumFor) stmt()    {}
func (*GenFor) stmt()    {}
func (*Return) stmt()    {}
func (*Break) stmt()     {}
func (*Label) stmt()     {}
func (*Goto) stmt()      {}

func (*Nil) expr()    {}
func (*Bool) expr()   {}
func (*Number) expr() {}
func (*String) expr() {}
func (*Vararg) expr() {}
func (*Name) expr()   {}
func (*Func) expr()   {}
func (*Index) expr()  {}
func (*Call) expr()   {}
func (*Paren) expr()  {}
func (*Table) expr()  {}
func (*Binary) expr() {}
func (*Unary) expr()  {}

// Bare is an expression without the parentheses around it.
func Bare(e Expr) Expr {
	for {
		p, ok := e.(*Paren)
		if !ok {
			return e
		}
		e = p.Inner
	}
}
