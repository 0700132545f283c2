package specconv

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/specconv/words"
)

// setEnvironment resolves the environment: of several entries with one name the last
// one counts. The child sets HOME if nothing else does, or only to nothing.
func (b *builder) setEnvironment(more []string) {
	if b.process == nil {
		return
	}
	b.env = lastOfEach(slices.Concat(b.process.Env, more))
	if home, _ := lookup(b.env, "HOME"); home == "" {
		b.looksUpHome = true
		b.env = slices.DeleteFunc(b.env, func(entry string) bool { return entry == "HOME=" || entry == "HOME" })
	}
}

// lastOfEach returns the last entry of each name, in the order of env.
func lastOfEach(env []string) []string {
	seen := make(map[string]struct{}, len(env))
	out := make([]string, 0, len(env)+1)
	for i := len(env) - 1; i >= 0; i-- {
		name, _, _ := strings.Cut(env[i], "=")
		if _, ok := seen[name]; ok {
			continue
		}
		seen[name] = struct{}{}
		out = append(out, env[i])
	}
	slices.Reverse(out)
	return out
}

func lookup(env []string, name string) (value string, ok bool) {
	for _, e := range env {
		if n, v, _ := strings.Cut(e, "="); n == name {
			return v, true
		}
	}
	return "", false
}

// searchPath returns the directories to look for the program in; none if its name is a
// path.
func (b *builder) searchPath() []string { return searchPathFor(b.process.Args[0], b.env) }

func searchPathFor(program string, env []string) []string {
	if strings.Contains(program, "/") {
		return nil
	}
	list, ok := lookup(env, "PATH")
	if !ok {
		list = words.DefaultPath
	}
	return strings.Split(list, ":")
}

// SearchPath returns the directories in which the container's process looks for its
// program, args[0]; none if that is a path. "" is the working directory.
func SearchPath(p *specs.Process) []string { return searchPathFor(p.Args[0], lastOfEach(p.Env)) }
