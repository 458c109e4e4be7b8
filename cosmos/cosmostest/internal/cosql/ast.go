package cosql

// Query is a parsed statement. It is not modified after parsing and may be used concurrently.
type Query struct {
	Text     string
	Distinct bool
	Top      Expr // nil without TOP
	Star     bool
	Value    Expr // set for SELECT VALUE
	Items    []SelectItem
	From     []Source // empty for a constant SELECT
	Where    Expr
	GroupBy  []Expr
	OrderBy  []OrderKey
	Offset   Expr
	Limit    Expr

	aggregates []*Call
}

// SelectItem is one column. Name is its member in the result; Explicit tells whether AS gave it.
type SelectItem struct {
	Expr     Expr
	Name     string
	Explicit bool
}

// Source is one FROM or JOIN source: the value of Path, or with Each one row per element of the array Path.
type Source struct {
	Path  Expr // nil is the container itself
	Sub   *Query
	Name  string // the name written for the container, when Path is nil
	Alias string
	Each  bool
}

// OrderKey is one key of ORDER BY.
type OrderKey struct {
	Expr Expr
	Desc bool
}

// Expr is a scalar expression.
type Expr interface {
	eval(*env) Value
	print(*printer)
}

type (
	// Literal is a constant.
	Literal struct{ Value Value }
	// Param is a parameter; Name includes the @.
	Param struct{ Name string }
	// Var is an alias of FROM or JOIN.
	Var struct{ Name string }
	// Member is Base.Name.
	Member struct {
		Base Expr
		Name string
	}
	// Index is Base[At].
	Index struct{ Base, At Expr }
	// Unary is an operator before X: -, +, ~ or NOT.
	Unary struct {
		Op string
		X  Expr
	}
	// Binary is an operator between X and Y.
	Binary struct {
		Op   string
		X, Y Expr
	}
	// Between is X BETWEEN Low AND High.
	Between struct {
		X, Low, High Expr
		Not          bool
	}
	// In is X IN (List...).
	In struct {
		X    Expr
		List []Expr
		Not  bool
	}
	// Like is X LIKE Pattern ESCAPE Escape.
	Like struct {
		X, Pattern, Escape Expr
		Not                bool
	}
	// Conditional is If ? Then : Else.
	Conditional struct{ If, Then, Else Expr }
	// Call is a built-in function. agg is its index among the statement's aggregates, or -1.
	Call struct {
		Name string
		Args []Expr
		fn   function
		agg  int
	}
	// ObjectExpr is an object constructor.
	ObjectExpr struct {
		Names []string
		Exprs []Expr
	}
	// ArrayExpr is an array constructor.
	ArrayExpr struct{ Exprs []Expr }
	// Subquery is a query in parentheses: scalar, EXISTS or ARRAY.
	Subquery struct {
		Kind  string // "", "EXISTS" or "ARRAY"
		Query *Query
	}
)
