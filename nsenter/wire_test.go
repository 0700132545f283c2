package nsenter

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/runnel/runnel/nsenter/plan"
)

// The tests in this file compile C programs that include child/wire.h and compare
// what these see, by the names that the child uses, with what Go encodes. They
// don't use the code that generates wire.h.

// runC compiles a C program against the sources of the child and returns what it
// prints, by name: lines of the form "name value".
func runC(t *testing.T, source, input string) map[string]string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc on this machine")
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "main.c")
	if err := os.WriteFile(name, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "main")
	cmd := exec.Command(gcc, "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-I", "child", "-o", program, name, "child/plan.c")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	out, err := exec.Command(program, input).Output()
	if err != nil {
		t.Fatalf("compiled program: %v", err)
	}
	values := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		values[name] = value
	}
	return values
}

// compare compares what C printed with what Go has.
func compare(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s is %q in C, %q in Go", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("C printed %d values, want %d", len(got), len(want))
	}
}

const preamble = "#include <stdio.h>\n#include \"plan.h\"\n"

// snake returns the C form of a Go name: "OOMScoreAdj" is "oom_score_adj".
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// goConstants returns the constants of a type in message.go, by name.
func goConstants(t *testing.T, typeName string) map[string]string {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "message.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	config := types.Config{Error: func(error) {}}
	pkg, _ := config.Check("nsenter", fset, []*ast.File{file}, nil)
	values := make(map[string]string)
	for _, name := range pkg.Scope().Names() {
		c, ok := pkg.Scope().Lookup(name).(*types.Const)
		if !ok {
			continue
		}
		if named, ok := c.Type().(*types.Named); ok && named.Obj().Name() == typeName {
			values[name] = constant.ToInt(c.Val()).ExactString()
		}
	}
	return values
}

func TestConstantsAreTheSameInC(t *testing.T) {
	source := preamble + "int main(void)\n{\n"
	want := make(map[string]string)
	add := func(name, value string) {
		want[name] = value
		source += fmt.Sprintf("\tprintf(\"%s %%lld\\n\", (long long)%s);\n", name, name)
	}
	parts := goConstants(t, "Part")
	for name, value := range parts {
		add("PART_"+strings.ToUpper(snake(strings.TrimPrefix(name, "Part"))), value)
	}
	kinds := goConstants(t, "MessageKind")
	for name, value := range kinds {
		add("MSG_"+strings.ToUpper(snake(name)), value)
	}
	if len(parts) != int(PartIDMap)+1 || len(kinds) != int(Executing) {
		t.Errorf("message.go has %d parts and %d kinds of messages, want %d and %d", len(parts), len(kinds), PartIDMap+1, Executing)
	}
	for _, op := range plan.Ops() {
		add("OP_"+strings.ToUpper(snake(reflect.TypeOf(op).Name())), strconv.Itoa(int(op.Kind())))
	}
	add("OP_END", strconv.Itoa(len(plan.Ops())+1))
	add("MESSAGE_TEXT", strconv.Itoa(messageText))
	compare(t, runC(t, source+"\treturn 0;\n}\n", ""), want)
}

// Every field of message has another value; C prints them by name.
func TestMessageIsTheSameInC(t *testing.T) {
	m := message{kind: 1, op: 2, step: 3, steps: 4, err: 5, part: 6, status: 7}
	var b [messageSize]byte
	m.put(b[:])
	name := filepath.Join(t.TempDir(), "message")
	if err := os.WriteFile(name, b[:], 0o644); err != nil {
		t.Fatal(err)
	}
	source := preamble + `int main(int argc, char **argv)
{
	struct message m;
	FILE *f = fopen(argv[argc - 1], "rb");

	if (!f || fread(&m, sizeof(m), 1, f) != 1 || fgetc(f) != EOF)
		return 1;
	printf("kind %u\nop %u\nstep %u\nsteps %u\n", m.kind, m.op, m.step, m.steps);
	printf("err %u\npart %u\nstatus %u\n", m.err, m.part, m.status);
	return 0;
}
`
	compare(t, runC(t, source, name), map[string]string{
		"kind": "1", "op": "2", "step": "3", "steps": "4", "err": "5", "part": "6", "status": "7",
	})
	var decoded message
	if decoded.get(b[:]); decoded != m {
		t.Errorf("get after put = %+v, want %+v", decoded, m)
	}
}

// opPrinter collects the C code that prints the fields of ops, and what it has to
// print.
type opPrinter struct {
	source strings.Builder
	want   map[string]string
	number uint64
}

func (p *opPrinter) expect(name, format, expr, value string) {
	p.want[name] = value
	fmt.Fprintf(&p.source, "\tprintf(\"%s %s\\n\", %s);\n", name, format, expr)
}

// fill sets every field of an op to another value and adds its printing.
func (p *opPrinter) fill(index int, op reflect.Value) {
	member := snake(op.Type().Name())
	for i := range op.NumField() {
		field := op.Type().Field(i)
		tag, format, _ := strings.Cut(field.Tag.Get("op"), ",")
		name := strings.ReplaceAll(tag, "-", "_")
		if name == "" {
			name = snake(field.Name)
		}
		unique := fmt.Sprintf("%s.%s", op.Type().Name(), field.Name)
		expr := fmt.Sprintf("plan.ops[%d].%s.%s", index, member, name)
		value := op.Field(i)
		p.number += 0x100000001
		switch {
		case format == "file":
			value.SetString("file")
			p.expect(unique, "%ld", fmt.Sprintf("op_file(&plan.ops[%d])", index), "11")
		case field.Type.Kind() == reflect.String:
			value.SetString(unique)
			p.expect(unique, "%s", "str_of("+expr+")", unique)
		case field.Type == reflect.TypeFor[[]string]():
			value.Set(reflect.ValueOf([]string{unique, "second"}))
			p.expect(unique, "%s", "vec_of("+expr+")[0]", unique)
		case field.Type == reflect.TypeFor[[]byte]():
			value.SetBytes([]byte(unique + "\x00"))
			p.expect(unique, "%u%s", expr+".size, (char *)data_of("+expr+")", strconv.Itoa(len(unique)+1)+unique)
		case field.Type == reflect.TypeFor[[]uint32]():
			value.Set(reflect.ValueOf([]uint32{uint32(p.number), 7}))
			p.expect(unique, "%u", "*(uint32_t *)data_of("+expr+")", strconv.Itoa(int(uint32(p.number))))
		case field.Type == reflect.TypeFor[plan.Attr]():
			value.Set(reflect.ValueOf(plan.Attr{Set: p.number, Clear: p.number << 1}))
			prefix := fmt.Sprintf("plan.ops[%d].%s.%s", index, member, strings.ReplaceAll(tag, "-", "_"))
			p.expect(unique+".Set", "%llu", "(unsigned long long)"+prefix+"set", strconv.FormatUint(p.number, 10))
			p.expect(unique+".Clear", "%llu", "(unsigned long long)"+prefix+"clear", strconv.FormatUint(p.number<<1, 10))
		case value.CanInt():
			value.SetInt(-int64(p.number))
			p.expect(unique, "%lld", "(long long)"+expr, strconv.FormatInt(-int64(p.number), 10))
		case value.CanUint():
			value.SetUint(p.number & (1<<min(field.Type.Bits(), 63) - 1))
			p.expect(unique, "%llu", "(unsigned long long)"+expr, strconv.FormatUint(value.Uint(), 10))
		}
	}
}

// Every field of every op has another value; C prints them by name.
func TestOpsAreTheSameInC(t *testing.T) {
	p := &plan.Plan{Files: []plan.File{{Name: "other"}, {Name: "file"}}}
	printer := opPrinter{want: make(map[string]string)}
	for i, op := range plan.Ops() {
		v := reflect.New(reflect.TypeOf(op)).Elem()
		printer.fill(i, v)
		p.Steps = append(p.Steps, plan.Step{Op: v.Interface().(plan.Op)})
		printer.expect("kind"+strconv.Itoa(i), "%d", fmt.Sprintf("plan.ops[%d].kind", i), strconv.Itoa(int(op.Kind())))
	}
	comparePlan(t, p, &printer)
}

// There is one op for each flag, and only that flag is set in it.
func TestFlagsAreTheSameInC(t *testing.T) {
	p := &plan.Plan{}
	printer := opPrinter{want: make(map[string]string)}
	for _, op := range plan.Ops() {
		for field := range reflect.TypeOf(op).Fields() {
			if field.Type.Kind() != reflect.Bool {
				continue
			}
			name, _, _ := strings.Cut(field.Tag.Get("op"), ",")
			if name == "" {
				name = snake(field.Name)
			}
			v := reflect.New(reflect.TypeOf(op)).Elem()
			v.FieldByIndex(field.Index).SetBool(true)
			flag := strings.ToUpper(snake(reflect.TypeOf(op).Name()) + "_" + name)
			printer.expect(flag, "%d", fmt.Sprintf("plan.ops[%d].flags == %s", len(p.Steps), flag), "1")
			p.Steps = append(p.Steps, plan.Step{Op: v.Interface().(plan.Op)})
		}
	}
	if len(p.Steps) < 10 {
		t.Errorf("only %d flags", len(p.Steps))
	}
	comparePlan(t, p, &printer)
}

// comparePlan encodes p and compares what C sees of it with what printer expects.
func comparePlan(t *testing.T, p *plan.Plan, printer *opPrinter) {
	t.Helper()
	const firstFile, socket, preserved = 10, 9, 6
	p.PreserveFDs = preserved
	encoded, err := p.Encode(firstFile, socket)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "plan")
	if err := os.WriteFile(name, encoded, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]int{
		"first_file": firstFile, "file_count": len(p.Files), "op_count": len(p.Steps),
		"preserve_fds": preserved, "socket": socket,
	} {
		printer.expect(name, "%u", "plan.header->"+name, strconv.Itoa(n))
	}
	compare(t, runC(t, planProgram(printer.source.String()), name), printer.want)
}

// planProgram returns a program that loads the plan in the file that its argument
// names and then runs body.
func planProgram(body string) string {
	return preamble + `
int main(int argc, char **argv)
{
	static _Alignas(8) char buffer[65536];
	FILE *f = fopen(argv[argc - 1], "rb");
	size_t size = f ? fread(buffer, 1, sizeof(buffer), f) : 0;

	if (plan_load(buffer, size) < 0)
		return 1;
` + body + "\treturn 0;\n}\n"
}
