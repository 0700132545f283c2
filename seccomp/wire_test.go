package seccomp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWireLayout holds request.go against compiler/wire.h: the compiler sees the
// sizes, offsets and numbers that encode writes.
func TestWireLayout(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("needs gcc")
	}
	header, err := filepath.Abs("compiler/wire.h")
	if err != nil {
		t.Fatal(err)
	}
	program := fmt.Sprintf(`#include <stddef.h>
#include <stdio.h>
#include "%s"
#define AT(type, field) (int)offsetof(struct wire_##type, field)
int main(void)
{
	printf("%%x %%u %%x\n", WIRE_MAGIC, WIRE_VERSION, WIRE_KNOWN);
	printf("%%zu %%zu %%zu %%zu\n", sizeof(struct wire_header), sizeof(struct wire_arch),
	       sizeof(struct wire_rule), sizeof(struct wire_arg));
	printf("%%d %%d %%d %%d %%d %%d %%d %%d\n", AT(header, magic), AT(header, version), AT(header, default_action),
	       AT(header, optimize), AT(header, archs), AT(header, rules), AT(header, args), AT(header, names));
	printf("%%d %%d\n", AT(arch, token), AT(arch, limit));
	printf("%%d %%d %%d %%d\n", AT(rule, action), AT(rule, name), AT(rule, first_arg), AT(rule, args));
	printf("%%d %%d %%d %%d\n", AT(arg, index), AT(arg, op), AT(arg, a), AT(arg, b));
	printf("%%d %%d %%d %%d %%d\n", WIRE_STAGE_REQUEST, WIRE_STAGE_INIT, WIRE_STAGE_ARCH, WIRE_STAGE_RULE,
	       WIRE_STAGE_EXPORT);
	printf("%%d %%d %%d\n", AT(failure, stage), AT(failure, index), AT(failure, error));
}
`, header)
	layout := filepath.Join(t.TempDir(), "layout")
	source := layout + ".c"
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(gcc, "-Wall", "-Werror", "-o", layout, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got, err := exec.Command(layout).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%x %d %x\n%d %d %d %d\n", wireMagic, wireVersion, uint32(wireKnown),
		wireHeaderSize, wireArchSize, wireRuleSize, wireArgSize) +
		"0 4 8 12 16 20 24 28\n0 4\n0 4 8 12\n0 4 8 16\n" +
		fmt.Sprintf("%d %d %d %d %d\n0 4 8\n", stageRequest, stageInit, stageArch, stageRule, stageExport)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("wire.h: (-request.go +wire.h)\n%s", diff)
	}
}

// TestEncodeOptimizes: a long list of rules is walked as a tree.
func TestEncodeOptimizes(t *testing.T) {
	for rules, want := range map[int]uint32{0: 1, binaryTreeFrom: 1, binaryTreeFrom + 1: 2} {
		r := &Request{Rules: make([]Rule, rules)}
		if got := binary.NativeEndian.Uint32(r.encode()[12:]); got != want {
			t.Errorf("%d rules: optimize = %d, want %d", rules, got, want)
		}
	}
}

// TestCompilerRefusesDamage feeds the compiler every shortened request and some
// wrong ones: it has to answer with a failure of the request, and never crash.
func TestCompilerRefusesDamage(t *testing.T) {
	r := &Request{
		DefaultAction: actErrno | eperm,
		Archs:         []Arch{{tokenX8664, numberLimit}},
		Rules:         []Rule{{Name: "read", Action: actAllow, ArgCount: 1}},
		Args:          []Arg{{Op: 4, A: 1}},
	}
	whole := r.encode()
	damaged := map[string][]byte{"longer": append(r.encode(), 0)}
	for n := 0; n < len(whole); n += 3 {
		damaged[fmt.Sprintf("%d of %d bytes", n, len(whole))] = whole[:n]
	}
	change := func(name string, at int, value byte) {
		b := r.encode()
		b[at] = value
		damaged[name] = b
	}
	rule := wireHeaderSize + wireArgSize + wireArchSize
	change("magic", 0, 0xff)
	change("version", 4, 0xff)
	change("no architectures", 16, 0)
	change("very many rules", 23, 0xff)
	change("name beyond the table", rule+4, 200)
	change("first argument beyond the table", rule+8, 1)
	change("first argument far beyond the table", rule+11, 0xff)
	change("too many arguments", rule+12, 7)
	change("name without an end", len(whole)-1, 'x')
	for name, request := range damaged {
		_, err := runCompiler(t.Context(), request)
		var f compilerFailure
		if !errors.As(err, &f) || f.Stage != stageRequest {
			t.Errorf("%s: %v, want a failure of the request", name, err)
		}
	}
	if _, err := runCompiler(t.Context(), whole); err != nil {
		t.Errorf("the undamaged request: %v", err)
	}
}
