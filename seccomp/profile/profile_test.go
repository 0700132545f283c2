package profile

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/golden"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/seccomp"
)

// unnamed are the system calls that the profile doesn't name on purpose: they return
// ENOSYS.
var unnamed = map[string]string{
	"clone3":                "a filter can't see its flags",
	"arch_specific_syscall": "the first of a range",
	"syscall_mask":          "not a system call",
	"file_getattr":          "Linux 6.17",
	"file_setattr":          "Linux 6.17",
	"futex_requeue":         "Linux 6.7",
	"futex_wait":            "Linux 6.7",
	"futex_wake":            "Linux 6.7",
	"getxattrat":            "Linux 6.13",
	"listmount":             "Linux 6.8",
	"listns":                "Linux 6.19",
	"listxattrat":           "Linux 6.13",
	"lsm_get_self_attr":     "Linux 6.8",
	"lsm_list_modules":      "Linux 6.8",
	"lsm_set_self_attr":     "Linux 6.8",
	"map_shadow_stack":      "Linux 6.6: for C libraries, which do without",
	"mseal":                 "Linux 6.10",
	"open_tree_attr":        "Linux 6.15",
	"riscv_hwprobe":         "Linux 6.4: libseccomp 2.5 doesn't know it, and the C library does without",
	"removexattrat":         "Linux 6.13",
	"rseq_slice_yield":      "Linux 7.0",
	"setxattrat":            "Linux 6.13",
	"statmount":             "Linux 6.8",
	"uprobe":                "Linux 6.18: for the kernel's own use",
	"uretprobe":             "Linux 6.11: for the kernel's own use",
}

// TestEverySystemCallIsDecided checks that each system call of the five system call tables
// is in one group, or among those that aren't named.
func TestEverySystemCallIsDecided(t *testing.T) {
	count := map[string]int{}
	for _, g := range Groups {
		for _, name := range g.Names {
			count[name]++
		}
	}
	for name, n := range count {
		if n > 1 {
			t.Errorf("%s is in %d groups", name, n)
		}
		if unnamed[name] != "" {
			t.Errorf("%s is named", name)
		}
	}
	for _, arch := range []string{"amd64", "386", "arm64", "arm", "riscv64"} {
		for _, name := range systemCalls(t, arch) {
			if count[name] == 0 && unnamed[name] == "" {
				t.Errorf("%s of %s is in no group", name, arch)
			}
		}
	}
}

// systemCalls returns the names in the table of golang.org/x/sys/unix.
func systemCalls(t *testing.T, arch string) (names []string) {
	t.Helper()
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "golang.org/x/sys/unix").Output()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(strings.TrimSpace(string(dir)), "zsysnum_linux_"+arch+".go")
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if name, ok := strings.CutPrefix(spec.Names[0].Name, "SYS_"); ok {
				names = append(names, strings.ToLower(name))
			}
		}
		return true
	})
	if len(names) < 200 {
		t.Fatalf("%d system calls in %s", len(names), path)
	}
	return names
}

// TestDefaultIsValid checks that the profile has no mistake.
func TestDefaultIsValid(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64", "riscv64"} {
		p := Default(arch)
		problems, warnings := seccomp.Check(p)
		// A build without libseccomp refuses every profile; what else is wrong is found all the same.
		problems = slices.DeleteFunc(problems, func(p *place.Error) bool { return errors.Is(p, seccomp.ErrUnavailable) })
		if len(problems) > 0 || len(warnings) > 0 {
			t.Errorf("%s: %v %v", arch, problems, warnings)
		}
		if unknown := seccomp.Unknown(p); len(unknown) > 0 {
			t.Errorf("%s: %v", arch, unknown)
		}
	}
	if p := Default("s390x"); p != nil {
		t.Error("a profile for an unknown architecture")
	}
}

// TestDefaultIsACopy checks that a caller can change the profile.
func TestDefaultIsACopy(t *testing.T) {
	p := Default("amd64")
	p.Syscalls[0].Names[0], p.Architectures[0] = "nothing", specs.ArchS390
	if q := Default("amd64"); q.Syscalls[0].Names[0] == "nothing" || q.Architectures[0] == specs.ArchS390 {
		t.Error("the next profile has changed")
	}
}

// TestDocument compares the document with the groups; -update writes it anew, except for
// what precedes the marker.
func TestDocument(t *testing.T) {
	const path, marker = "../../contrib/seccomp-profile.md", "<!-- generated: go test ./seccomp/profile -update -->\n"
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	introduction, _, found := strings.Cut(string(content), marker)
	if !found {
		t.Fatalf("%s has no line %q", path, marker)
	}
	var groups strings.Builder
	for _, section := range []struct {
		title   string
		allowed bool
	}{{"Allowed", true}, {"Refused with EPERM", false}} {
		fmt.Fprintf(&groups, "\n## %s\n", section.title)
		for _, g := range Groups {
			if g.Allowed == section.allowed {
				fmt.Fprintf(&groups, "\n%s\n", wrap(fmt.Sprintf("**%s.** %s %s", g.Title, g.Reason, "`"+strings.Join(g.Names, "` `")+"`")))
			}
		}
	}
	golden.Check(t, filepath.Join("..", path), introduction+marker+groups.String())
}

// wrap breaks a paragraph into lines.
func wrap(text string) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		if column > 0 && column+1+len(word) > 124 {
			b.WriteByte('\n')
			column = 0
		}
		if column > 0 {
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
