package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// table is everything that the two sides share.
type table struct {
	ops      []op
	opSize   int
	maxRefs  int
	header   record
	message  record
	kinds    []value // of messages
	parts    []value
	textSize uint64
}

// op is one op of a plan.
type op struct {
	goName string
	words  []string // of the name: "set", "undumpable"
	fields []field
}

func (o *op) name() string  { return strings.Join(o.words, "-") }
func (o *op) snake() string { return strings.Join(o.words, "_") }
func (o *op) upper() string { return strings.ToUpper(o.snake()) }

// shape returns the types of the op's references, one character for each.
func (o *op) shape() string {
	var b strings.Builder
	for i := range o.fields {
		switch f := &o.fields[i]; f.kind {
		case kindString, kindVector, kindData:
			b.WriteByte(byte(f.kind))
		}
	}
	return b.String()
}

// fieldKind is how a field is encoded. Those of references are the characters of
// an op's shape.
type fieldKind byte

const (
	kindString fieldKind = 's'
	kindVector fieldKind = 'v'
	kindData   fieldKind = 'd'
	kindNumber fieldKind = 'n'
	kindFlag   fieldKind = 'f'
	kindFile   fieldKind = 'F'
)

// field is one field of an op; an Attr counts as two.
type field struct {
	kind   fieldKind
	name   string // as printed: "inherit-mode"
	expr   string // its value in Go, for the op o
	format string // of a number
	offset int    // in struct op: of a reference or a number
	bit    int    // of a flag
}

func (f *field) snake() string { return strings.ReplaceAll(f.name, "-", "_") }

// record is a struct of fixed layout.
type record struct {
	goName string
	fields []recordField
	size   int
}

type recordField struct {
	goName, goType string
	name           string // in C
	offset, size   int
}

// value is a named constant.
type value struct {
	goName string
	name   string // in C, without its prefix
	number uint64
}

// The layout of struct op: kind, flags and file come first, then the references,
// then the numbers.
const opFields = 8

func parse(dir string) (*table, error) {
	t := &table{}
	if err := t.parseOps(filepath.Join(dir, "plan/ops.go")); err != nil {
		return nil, err
	}
	var err error
	if t.header, err = parseRecord(filepath.Join(dir, "plan/encode.go"), "header"); err != nil {
		return nil, err
	}
	name := filepath.Join(dir, "message.go")
	if t.message, err = parseRecord(name, "message"); err != nil {
		return nil, err
	}
	return t, t.parseMessages(name)
}

func (t *table) parseOps(name string) error {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, spec := range typeSpecs(file) {
		s, ok := spec.Type.(*ast.StructType)
		if !ok {
			return fmt.Errorf("%s: %s is not a struct", name, spec.Name)
		}
		o := op{goName: spec.Name.Name, words: words(spec.Name.Name)}
		for _, f := range s.Fields.List {
			if err := o.addField(f); err != nil {
				return fmt.Errorf("%s: %s: %w", name, o.goName, err)
			}
		}
		refs, size := o.layOut()
		t.maxRefs = max(t.maxRefs, refs)
		t.opSize = max(t.opSize, size)
		t.ops = append(t.ops, o)
	}
	if len(t.ops) == 0 {
		return fmt.Errorf("%s: no ops", name)
	}
	return nil
}

func typeSpecs(file *ast.File) []*ast.TypeSpec {
	var specs []*ast.TypeSpec
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
			for _, s := range g.Specs {
				specs = append(specs, s.(*ast.TypeSpec))
			}
		}
	}
	return specs
}

// addField adds what one field declaration declares.
func (o *op) addField(f *ast.Field) error {
	tag := ""
	if f.Tag != nil {
		unquoted, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			return err
		}
		tag = reflect.StructTag(unquoted).Get("op")
	}
	name, format, _ := strings.Cut(tag, ",")
	if len(f.Names) == 0 || name != "" && len(f.Names) > 1 {
		return fmt.Errorf("one name for %d fields", len(f.Names))
	}
	goType := types.ExprString(f.Type)
	for _, n := range f.Names {
		printed := name
		if printed == "" {
			printed = strings.Join(words(n.Name), "-")
		}
		added, err := fieldsOf(n.Name, goType, printed, name, format)
		if err != nil {
			return fmt.Errorf("%s: %w", n.Name, err)
		}
		o.fields = append(o.fields, added...)
	}
	return nil
}

var formats = []string{"", "octal", "hex", "clone", "propagation"}

// fieldsOf returns the fields for a Go field. The tag's name is the prefix of an Attr.
func fieldsOf(goName, goType, name, tagName, format string) ([]field, error) {
	expr := "o." + goName
	switch {
	case format == "file" && goType == "string":
		return []field{{kind: kindFile, name: name, expr: expr}}, nil
	case !slices.Contains(formats, format):
		return nil, fmt.Errorf("unknown format %q", format)
	}
	switch goType {
	case "string":
		return []field{{kind: kindString, name: name, expr: expr}}, nil
	case "[]string":
		return []field{{kind: kindVector, name: name, expr: expr}}, nil
	case "[]byte":
		return []field{{kind: kindData, name: name, expr: expr}}, nil
	case "[]uint32":
		return []field{{kind: kindData, name: name, expr: "wordBytes(" + expr + ")"}}, nil
	case "bool":
		return []field{{kind: kindFlag, name: name, expr: expr}}, nil
	case "Attr":
		return []field{
			{kind: kindNumber, name: tagName + "set", expr: expr + ".Set", format: "attr"},
			{kind: kindNumber, name: tagName + "clear", expr: expr + ".Clear", format: "attr"},
		}, nil
	case "int":
		return []field{{kind: kindNumber, name: name, expr: "uint64(int64(" + expr + "))", format: "signed"}}, nil
	case "uint16", "uint32", "uint64":
		if format == "" {
			format = "decimal"
		}
		if goType != "uint64" {
			expr = "uint64(" + expr + ")"
		}
		return []field{{kind: kindNumber, name: name, expr: expr, format: format}}, nil
	}
	return nil, fmt.Errorf("no encoding for type %s", goType)
}

// layOut assigns offsets and bits. It returns the number of words of references
// and the size of the op.
func (o *op) layOut() (refs, size int) {
	offset, bit := opFields, 0
	for i := range o.fields {
		switch f := &o.fields[i]; f.kind {
		case kindString, kindVector:
			f.offset = offset
			offset += 4
		case kindData: // offset and size
			f.offset = offset
			offset += 8
		case kindFlag:
			f.bit = bit
			bit++
		}
	}
	refs = (offset - opFields) / 4
	offset = (offset + 7) / 8 * 8
	for i := range o.fields {
		if f := &o.fields[i]; f.kind == kindNumber {
			f.offset = offset
			offset += 8
		}
	}
	return refs, offset
}

// parseRecord returns the layout of the struct type goName, whose fields have the
// alignment of C.
func parseRecord(name, goName string) (record, error) {
	scope, _, err := checkedScope(name)
	if err != nil {
		return record{}, err
	}
	object := scope.Lookup(goName)
	if object == nil {
		return record{}, fmt.Errorf("%s: no type %s", name, goName)
	}
	s, ok := object.Type().Underlying().(*types.Struct)
	if !ok {
		return record{}, fmt.Errorf("%s: %s is not a struct", name, goName)
	}
	r := record{goName: goName}
	alignment := 1
	for f := range s.Fields() {
		size := 0
		switch basic, _ := f.Type().Underlying().(*types.Basic); {
		case basic != nil && basic.Kind() == types.Uint32:
			size = 4
		case basic != nil && basic.Kind() == types.Uint64:
			size = 8
		default:
			return r, fmt.Errorf("%s: %s.%s has no fixed size", name, goName, f.Name())
		}
		if r.size%size != 0 {
			return r, fmt.Errorf("%s: %s.%s isn't aligned", name, goName, f.Name())
		}
		r.fields = append(r.fields, recordField{
			goName: f.Name(), goType: types.TypeString(f.Type(), func(*types.Package) string { return "" }),
			name: strings.Join(words(f.Name()), "_"), offset: r.size, size: size,
		})
		r.size += size
		alignment = max(alignment, size)
	}
	if r.size%alignment != 0 {
		return r, fmt.Errorf("%s: the size of %s, %d, isn't a multiple of %d", name, goName, r.size, alignment)
	}
	return r, nil
}

// checkedScope type-checks one file by itself, which is enough for its constants
// and for structs of numbers. It ignores what the rest of the package declares.
func checkedScope(name string) (*types.Scope, *ast.File, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, nil, err
	}
	config := types.Config{Error: func(error) {}, Importer: nil}
	pkg, _ := config.Check(file.Name.Name, fset, []*ast.File{file}, nil)
	return pkg.Scope(), file, nil
}

func (t *table) parseMessages(name string) error {
	scope, file, err := checkedScope(name)
	if err != nil {
		return err
	}
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			for _, n := range s.(*ast.ValueSpec).Names {
				t.addConstant(scope, n.Name)
			}
		}
	}
	if len(t.kinds) == 0 || len(t.parts) == 0 || t.textSize == 0 {
		return fmt.Errorf("%s: MessageKind, Part or messageText is missing", name)
	}
	return nil
}

func (t *table) addConstant(scope *types.Scope, goName string) {
	c, ok := scope.Lookup(goName).(*types.Const)
	if !ok {
		return
	}
	n, _ := constant.Uint64Val(constant.ToInt(c.Val()))
	v := value{goName: goName, name: strings.ToUpper(strings.Join(words(goName), "_")), number: n}
	named, _ := c.Type().(*types.Named)
	switch {
	case named != nil && named.Obj().Name() == "MessageKind":
		t.kinds = append(t.kinds, v)
	case named != nil && named.Obj().Name() == "Part":
		t.parts = append(t.parts, v)
	case goName == "messageText":
		t.textSize = n
	}
}

// words splits a Go name: "OOMScoreAdj" is oom, score and adj.
func words(name string) []string {
	var list []string
	runes := []rune(strings.ReplaceAll(name, "FDs", "Fds"))
	start := 0
	for i := 1; i < len(runes); i++ {
		upper := unicode.IsUpper(runes[i])
		afterLower := !unicode.IsUpper(runes[i-1])
		beforeLower := i+1 < len(runes) && unicode.IsLower(runes[i+1])
		if upper && (afterLower || beforeLower) {
			list = append(list, strings.ToLower(string(runes[start:i])))
			start = i
		}
	}
	return append(list, strings.ToLower(string(runes[start:])))
}
