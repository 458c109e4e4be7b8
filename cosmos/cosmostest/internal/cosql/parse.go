package cosql

import (
	"fmt"
)

// MaxText is the length of a statement in bytes from which on it is refused; the account document names it.
const MaxText = 512 << 10

// maxNesting bounds parentheses, constructors, prefix operators and subqueries inside each other.
const maxNesting = 200

// Parse compiles a statement. The error is a [*SyntaxError] with the code and the place that the gateway names.
func Parse(text string) (*Query, error) {
	if len(text) > MaxText {
		return nil, &SyntaxError{"SC3001", fmt.Sprintf("The SQL query text exceeded the maximum limit of %d characters.", MaxText), 0, 0}
	}
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{text: text, tokens: tokens}
	if p.peek().kind == tokEOF {
		return nil, p.unexpected()
	}
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	if p.peek().kind != tokEOF {
		return nil, p.unexpected()
	}
	q.Text = text
	return q, nil
}

type parser struct {
	text   string
	tokens []token
	pos    int
	scope  []string // aliases in scope, innermost last
	query0 *Query   // the statement whose aggregates are being collected
	depth  int      // of nesting
}

// deeper enters something that nests. The caller subtracts one from depth when it leaves.
func (p *parser) deeper() error {
	if p.depth++; p.depth > maxNesting {
		t := p.peek()
		return &SyntaxError{"SC3002", fmt.Sprintf("The query exceeded the maximum nesting depth of %d.", maxNesting), charOffset(p.text, t.start), charOffset(p.text, t.end)}
	}
	return nil
}

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) next() token {
	t := p.tokens[p.pos]
	if t.kind != tokEOF {
		p.pos++
	}
	return t
}

func (p *parser) isOp(op string) bool {
	t := p.peek()
	return t.kind == tokOp && t.text == op
}

func (p *parser) isWord(word string) bool {
	t := p.peek()
	return t.kind == tokKeyword && t.text == word
}

func (p *parser) acceptOp(op string) bool {
	if p.isOp(op) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) acceptWord(word string) bool {
	if p.isWord(word) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) expectOp(op string) error {
	if !p.acceptOp(op) {
		return p.unexpected()
	}
	return nil
}

func (p *parser) expectWord(word string) error {
	if !p.acceptWord(word) {
		return p.unexpected()
	}
	return nil
}

// unexpected refuses the current token.
func (p *parser) unexpected() error { return p.reject(p.peek()) }

// reject refuses a token that was taken.
func (p *parser) reject(t token) error {
	if t.kind == tokEOF {
		n := charOffset(p.text, len(p.text))
		return &SyntaxError{"SC1002", "Syntax error, unexpected end-of-file.", n, n}
	}
	return nearError(p.text, t.start, t.end)
}
