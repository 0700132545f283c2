package cli

import (
	"fmt"
	"strconv"
)

// kind is what a flag's value is.
type kind int

const (
	boolean kind = iota // takes no argument; --flag=false is possible
	text
	number
	list // may be given more than once; never split at commas
)

// flag is one option in the table of a command. Parser, help, manual pages and
// completion all read this table.
type flag struct {
	name   string
	short  string // one letter, "" for none
	kind   kind
	value  string // the name of the value in help: FILE, N
	preset string // the value if the flag isn't given
	usage  string
	hidden bool // accepted for compatibility, not shown
}

// values are the flags of one table that were given on a command line, in
// their order.
type values struct {
	table []flag
	given []setting
}

type setting struct {
	flag int // index in table
	text string
}

// index finds a flag by its long or short name; -1 if the table hasn't got it.
func index(table []flag, name string) int {
	for i := range table {
		if table[i].name == name || table[i].short != "" && table[i].short == name {
			return i
		}
	}
	return -1
}

// set adds a value, checked against the kind of its flag.
func (v *values) set(flag int, text string) error {
	f := &v.table[flag]
	var err error
	switch f.kind {
	case boolean:
		_, err = strconv.ParseBool(text)
	case number:
		_, err = strconv.Atoi(text)
	}
	if err != nil {
		return fmt.Errorf("invalid value %q for flag -%s: %w", text, f.name, err)
	}
	v.given = append(v.given, setting{flag, text})
	return nil
}

// last gives the value of a flag that was given; the last counts.
func (v *values) last(name string) (string, bool) {
	flag := index(v.table, name)
	if flag < 0 {
		panic("cli: the command has no flag " + name)
	}
	for i := len(v.given) - 1; i >= 0; i-- {
		if v.given[i].flag == flag {
			return v.given[i].text, true
		}
	}
	return v.table[flag].preset, false
}

func (v *values) has(name string) bool {
	_, given := v.last(name)
	return given
}

func (v *values) text(name string) string {
	value, _ := v.last(name)
	return value
}

func (v *values) on(name string) bool {
	value, given := v.last(name)
	on, _ := strconv.ParseBool(value) // checked by set
	return given && on
}

// number is 0 for a flag that was neither given nor preset.
func (v *values) number(name string) int {
	value, _ := v.last(name)
	n, _ := strconv.Atoi(value) // checked by set
	return n
}

func (v *values) list(name string) []string {
	flag := index(v.table, name)
	if flag < 0 {
		panic("cli: the command has no flag " + name)
	}
	var all []string
	for _, s := range v.given {
		if s.flag == flag {
			all = append(all, s.text)
		}
	}
	return all
}
