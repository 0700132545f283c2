package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// completionDir returns a directory with a bundle and with a runtime that only
// lists the ids below a root.
func completionDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bundle"), 0o755); err != nil {
		t.Fatal(err)
	}
	fake := "#!/bin/sh\ncase $* in *'--root /r list --quiet' | *'--root=/r list --quiet' | 'list --quiet') printf 'web\\nweb2\\ndb\\n' ;; esac\n"
	if err := os.WriteFile(filepath.Join(dir, "runnel"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func script(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(moduleRoot, "contrib/completions", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// completion maps what is typed after "runnel " to what is offered.
type completion map[string]string

func (c completion) check(t *testing.T, complete func(line string) (offered []string, err error)) {
	t.Helper()
	for line, want := range c {
		offered, err := complete(line)
		slices.Sort(offered)
		if diff := cmp.Diff(strings.Fields(want), slices.Compact(offered), cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("completion of %q: %v %s", line, err, diff)
		}
	}
}

func TestBashCompletion(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("the host has no bash")
	}
	dir := completionDir(t)
	script := script(t, "runnel.bash")
	completion{
		"sta":                        "start state stats",
		"--log-format ":              "json text",
		"--ro":                       "--root --rootless",
		"--root /r state w":          "web web2",
		"--root /r state web ":       "",
		"--root /r kill web HU":      "HUP",
		"--root /r kill web EX":      "",
		"--root = /r state w":        "web web2",
		"--root=/r state w":          "web web2",
		"state --root = /r w":        "web web2",
		"--log-format = ":            "json text",
		"--log-format =":             "json text",
		"--log-format = j":           "json",
		"list --format = t":          "table",
		"create --bundle = bu":       "bundle",
		"--root /r kill web SIGHU":   "SIGHUP",
		"--root /r kill web HUP x":   "",
		"create --bundle bu":         "bundle",
		"create -b bu":               "bundle",
		"create ID --no-p":           "--no-pivot",
		"create ":                    "",
		"list --format ":             "json table",
		"list --q":                   "--quiet",
		"list --root bu":             "bundle",
		"list --ro":                  "--root --rootless",
		"list --log-f":               "--log-format",
		"state --root /r w":          "web web2",
		"spec --ro":                  "--rootless",
		"spec --rootless --b":        "--bundle",
		"help sp":                    "spec",
		"--root /r delete --force d": "db",
		"update --memory ":           "",
		"update ID --memory-r":       "--memory-reservation",
		"exec --tt":                  "--tty",
		"exec ID --t":                "",
		"exec ID sh ":                "",
		"checkp":                     "checkpoint",
		"seccomp exp":                "explain",
		"seccomp explain --ar":       "--arch",
		"seccomp explain --format ":  "json table",
		"stats --format ":            "json openmetrics table",
		"explain --ar":               "",
	}.check(t, func(line string) ([]string, error) {
		cmd := exec.Command(bash, append([]string{
			"--norc", "-c",
			`source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _runnel; echo "${COMPREPLY[*]}"`,
			"bash", script, filepath.Join(dir, "runnel"),
		}, strings.Split(line, " ")...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return strings.Fields(string(out)), err
	})
}

func TestFishCompletion(t *testing.T) {
	t.Parallel()
	fish, err := exec.LookPath("fish")
	if err != nil {
		t.Skip("the host has no fish")
	}
	dir := completionDir(t)
	script := script(t, "runnel.fish")
	completion{
		"sta":                  "start state stats",
		"--log-format ":        "json text",
		"--ro":                 "--root --rootless",
		"state w":              "web web2",
		"--root /r state w":    "web web2",
		"--root=/r state w":    "web web2",
		"state --root /r w":    "web web2",
		"--log-format=":        "--log-format=json --log-format=text",
		"kill web HU":          "HUP",
		"kill web SIGHU":       "SIGHUP",
		"kill web EX":          "",
		"create --bundle bu":   "bundle/",
		"create -b bu":         "bundle/",
		"create ID --no-p":     "--no-pivot",
		"list --format ":       "json table",
		"list --q":             "--quiet",
		"list --root bu":       "bundle/",
		"list --ro":            "--root --rootless",
		"spec --ro":            "--root --rootless",
		"help sp":              "spec",
		"delete --force d":     "db",
		"update ID --memory-r": "--memory-reservation",
		"exec --tt":            "--tty",
		"checkp":               "checkpoint",
		"seccomp exp":          "explain",
		"seccomp explain --ar": "--arch",
		"explain --ar":         "",
	}.check(t, func(line string) ([]string, error) {
		cmd := exec.Command(fish, "--no-config", "-c", `source $argv[1]; complete -C "runnel $argv[2]"`, script, line)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+dir)
		out, err := cmd.CombinedOutput()
		return firstColumn(string(out)), err
	})
}

func firstColumn(lines string) []string {
	var words []string
	for line := range strings.Lines(lines) {
		word, _, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
		words = append(words, word)
	}
	return words
}

// zshTab presses the tab key in an interactive zsh on a pseudo-terminal and prints
// what is offered as <WORD>.
const zshTab = `zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'source ./rc; print REA""DY'
zpty -r shell output '*READY*'
zpty -n -w shell "$1"$'\t'
zpty -n -w shell $'\C-a: \C-e\n'
zpty -w shell 'print E""ND'
zpty -r shell output '*END*'
print -r -- "$output"
zpty -d shell
`

const zshRC = `PROMPT= RPROMPT=
fpath=($SCRIPTS $fpath)
autoload -U compinit && compinit -u -D
bindkey '^I' complete-word
compadd() {
	local -a offered
	if [[ ${@[(I)-[OAD]]} != 0 ]]; then
		builtin compadd "$@"
		return
	fi
	builtin compadd -O offered "$@"
	print -rl -- '<'${^offered}'>'
	return 1
}
`

func TestZshCompletion(t *testing.T) {
	t.Parallel()
	zsh, err := exec.LookPath("zsh")
	if err != nil {
		t.Skip("the host has no zsh")
	}
	dir := completionDir(t)
	for name, content := range map[string]string{"tab": zshTab, "rc": zshRC} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	offered := regexp.MustCompile("<([^<>]+)>")
	completion{
		"sta":                        "start state stats",
		"--log-format ":              "json text",
		"--ro":                       "--root --rootless",
		"--root /r state w":          "web web2",
		"kill web HU":                "HUP",
		"kill web SIGHU":             "SIGHUP",
		"kill web EXI":               "",
		"list --format=":             "json table",
		"create --bundle bu":         "bundle",
		"create -b bu":               "bundle",
		"create ID --no-p":           "--no-pivot",
		"list --format ":             "json table",
		"list --q":                   "--quiet",
		"list --root bu":             "bundle",
		"list --ro":                  "--root --rootless",
		"help sp":                    "spec",
		"--root /r delete --force d": "db",
		"update ID --memory-r":       "--memory-reservation",
		"exec --tt":                  "--tty",
		"exec ID --t":                "",
		"checkp":                     "checkpoint",
		"seccomp exp":                "explain",
		"seccomp explain --ar":       "--arch",
	}.check(t, func(line string) ([]string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, zsh, "-f", "./tab", "runnel "+line)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "SCRIPTS="+filepath.Dir(script(t, "_runnel")), "PATH="+dir+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		var words []string
		for _, match := range offered.FindAllStringSubmatch(string(out), -1) {
			words = append(words, match[1])
		}
		return words, err
	})
}
