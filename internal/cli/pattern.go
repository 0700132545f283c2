package cli

import (
	"errors"
	"strings"
)

// expression is a compiled part of an extended regular expression, regex(7). It
// tells whether it matches text from at on so that next accepts where it ends.
//
// The standard library's package would cost every command 45 µs of start-up for
// the sake of one rare flag. Ids are short and the expression is the caller's
// own, so plain backtracking will do.
type expression func(text string, at int, next func(end int) bool) bool

// compile gives a function that tells whether an expression matches somewhere in
// a text. Known are: literals, \ before one, ".", "[set]", "[^set]" with ranges,
// groups, "|", "*", "+", "?", "^" and "$".
func compile(pattern string) (matches func(text string) bool, err error) {
	p := &patternParser{rest: pattern}
	whole := p.alternatives()
	if p.err == nil && p.rest != "" {
		p.err = errors.New("unmatched )")
	}
	if p.err != nil {
		return nil, p.err
	}
	anywhere := func(int) bool { return true }
	return func(text string) bool {
		for at := 0; at <= len(text); at++ {
			if whole(text, at, anywhere) {
				return true
			}
		}
		return false
	}, nil
}

// patternParser keeps the first error.
type patternParser struct {
	rest string
	err  error
}

func (p *patternParser) fail(text string) {
	if p.err == nil {
		p.err = errors.New(text)
	}
	p.rest = ""
}

// take removes the first byte if it is c.
func (p *patternParser) take(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *patternParser) alternatives() expression {
	left := p.sequence()
	if !p.take('|') {
		return left
	}
	right := p.alternatives()
	return func(text string, at int, next func(int) bool) bool {
		return left(text, at, next) || right(text, at, next)
	}
}

func (p *patternParser) sequence() expression {
	if p.rest == "" || p.rest[0] == '|' || p.rest[0] == ')' {
		return func(_ string, at int, next func(int) bool) bool { return next(at) }
	}
	first := p.repeated()
	following := p.sequence()
	return func(text string, at int, next func(int) bool) bool {
		return first(text, at, func(end int) bool { return following(text, end, next) })
	}
}

func (p *patternParser) repeated() expression {
	e := p.atom()
	for {
		switch {
		case p.take('*'):
			e = star(e)
		case p.take('+'):
			once, more := e, star(e)
			e = func(text string, at int, next func(int) bool) bool {
				return once(text, at, func(end int) bool { return more(text, end, next) })
			}
		case p.take('?'):
			once := e
			e = func(text string, at int, next func(int) bool) bool {
				return once(text, at, next) || next(at)
			}
		default:
			return e
		}
	}
}

// star repeats e. A round that takes nothing ends it, or it would never end.
func star(e expression) expression {
	var again expression
	again = func(text string, at int, next func(int) bool) bool {
		return e(text, at, func(end int) bool { return end > at && again(text, end, next) }) || next(at)
	}
	return again
}

func (p *patternParser) atom() expression {
	c := p.rest[0]
	p.rest = p.rest[1:]
	switch c {
	case '(':
		group := p.alternatives()
		if !p.take(')') {
			p.fail("unmatched (")
		}
		return group
	case '[':
		return p.set()
	case '^':
		return func(_ string, at int, next func(int) bool) bool { return at == 0 && next(at) }
	case '$':
		return func(text string, at int, next func(int) bool) bool { return at == len(text) && next(at) }
	case '.':
		return one(func(byte) bool { return true })
	case '*', '+', '?':
		p.fail("nothing to repeat")
	case '{':
		p.fail("{ is not supported")
	case '\\':
		if p.rest == "" {
			p.fail("trailing backslash")
			break
		}
		c = p.rest[0]
		p.rest = p.rest[1:]
	}
	return one(func(b byte) bool { return b == c })
}

// one matches a byte; ids are ASCII.
func one(accepts func(byte) bool) expression {
	return func(text string, at int, next func(int) bool) bool {
		return at < len(text) && accepts(text[at]) && next(at+1)
	}
}

// set reads a bracket expression after its "[". A "]" that comes first is a member.
func (p *patternParser) set() expression {
	negated := p.take('^')
	end := -1
	if p.rest != "" {
		end = strings.IndexByte(p.rest[1:], ']') + 1
	}
	if end < 1 {
		p.fail("unmatched [")
		return nil
	}
	members := p.rest[:end]
	p.rest = p.rest[end+1:]
	if strings.Contains(members, "[:") {
		p.fail("[: is not supported")
	}
	return one(func(b byte) bool { return isMember(members, b) != negated })
}

func isMember(members string, b byte) bool {
	for i := 0; i < len(members); i++ {
		low, high := members[i], members[i]
		if i+2 < len(members) && members[i+1] == '-' {
			high = members[i+2]
			i += 2
		}
		if low <= b && b <= high {
			return true
		}
	}
	return false
}
