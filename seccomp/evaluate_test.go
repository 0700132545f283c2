package seccomp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// personalityProfile allows personality(2) under conditions, each in a rule of its own, and
// refuses it otherwise.
func personalityProfile(conditions ...specs.LinuxSeccompArg) *specs.LinuxSeccomp {
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, DefaultErrnoRet: errno(38)}
	for _, c := range conditions {
		p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{
			Names: []string{"personality"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{c},
		})
	}
	return p
}

// TestUnknownArguments: what a filter can return is what it does return for some values.
func TestUnknownArguments(t *testing.T) {
	arg := func(index uint, op specs.LinuxSeccompOperator, value, two uint64) specs.LinuxSeccompArg {
		return specs.LinuxSeccompArg{Index: index, Op: op, Value: value, ValueTwo: two}
	}
	const personality, high = 135, 1 << 40
	for _, c := range []struct {
		name    string
		profile *specs.LinuxSeccomp
		known   map[int]uint64
		want    string
	}{
		{"nothing is compared", personalityProfile(), nil, "refused"},
		{"one value", personalityProfile(arg(0, specs.OpEqualTo, 8, 0)), nil, "allowed refused"},
		{"one value, known", personalityProfile(arg(0, specs.OpEqualTo, 8, 0)), map[int]uint64{0: 8}, "allowed"},
		{"another value, known", personalityProfile(arg(0, specs.OpEqualTo, 8, 0)), map[int]uint64{0: high | 8}, "refused"},
		{"another argument is known", personalityProfile(arg(0, specs.OpEqualTo, 8, 0)), map[int]uint64{1: 8}, "allowed refused"},
		{"every value", personalityProfile(arg(0, specs.OpGreaterEqual, 8, 0), arg(0, specs.OpLessThan, 8, 0)), nil, "allowed"},
		{"every value but one", personalityProfile(arg(0, specs.OpGreaterThan, 8, 0), arg(0, specs.OpLessThan, 8, 0)), nil, "allowed refused"},
		{"a value and all others", personalityProfile(arg(0, specs.OpEqualTo, high, 0), arg(0, specs.OpNotEqual, high, 0)), nil, "allowed"},
		{"both values of a bit", personalityProfile(arg(0, specs.OpMaskedEqual, 4, 4), arg(0, specs.OpMaskedEqual, 4, 0)), nil, "allowed"},
		{"bits together, and each", personalityProfile(arg(0, specs.OpMaskedEqual, 6, 0), arg(0, specs.OpMaskedEqual, 2, 2),
			arg(0, specs.OpMaskedEqual, 4, 4)), nil, "allowed"},
		{"one value of a bit", personalityProfile(arg(0, specs.OpMaskedEqual, 4, 4)), nil, "allowed refused"},
		{"one value of a bit, known", personalityProfile(arg(0, specs.OpMaskedEqual, 4, 4)), map[int]uint64{0: 7}, "allowed"},
	} {
		f := compileNative(t, c.profile)
		k := call{number: personality, arch: tokenX8664}
		for i, value := range c.known {
			k.args[i], k.isKnown[i] = value, true
		}
		results, err := k.results(f.BPF)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := map[string]bool{}
		for _, r := range results {
			got[map[uint32]string{actAllow: "allowed", actErrno | 38: "refused"}[r.action]] = true
		}
		var words []string
		for w := range got {
			words = append(words, w)
		}
		slices.Sort(words)
		if s := strings.Join(words, " "); s != c.want {
			t.Errorf("%s: %s, want %s", c.name, s, c.want)
		}
	}
}

// TestResultsOfSingleValues: what a filter returns for some values is among what it can
// return.
func TestResultsOfSingleValues(t *testing.T) {
	f := compileNative(t, personalityProfile(
		specs.LinuxSeccompArg{Index: 0, Op: specs.OpEqualTo, Value: 0x20008},
		specs.LinuxSeccompArg{Index: 1, Op: specs.OpGreaterThan, Value: 1 << 33},
		specs.LinuxSeccompArg{Index: 2, Op: specs.OpMaskedEqual, Value: 0x7e020000, ValueTwo: 0x20000},
	))
	all, err := (&call{number: 135, arch: tokenX8664}).results(f.BPF)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []uint64{0, 0x20008, 1<<32 | 0x20008} {
		for _, b := range []uint64{0, 1 << 33, 1<<33 + 1, 1 << 34} {
			for _, c := range []uint64{0, 0x20000, 0x7e020000, 1<<40 | 0x20001} {
				one, err := (&call{number: 135, arch: tokenX8664, args: [6]uint64{a, b, c}, isKnown: allKnown}).results(f.BPF)
				if err != nil || len(one) != 1 || !slices.Contains(all, one[0]) {
					t.Errorf("personality(%#x, %#x, %#x): %v, %v, not in %v", a, b, c, one, err, all)
				}
			}
		}
	}
}

func TestResultsOfOtherPrograms(t *testing.T) {
	for name, program := range map[string][]byte{
		"no return":   instruction(nil, bpfLoad, 0, 0, 0),
		"beyond":      instruction(nil, bpfLoad, 0, 0, 64),
		"unaligned":   instruction(nil, bpfLoad, 0, 0, 2),
		"instruction": instruction(nil, 0x87, 0, 0, 0),
		"far jump":    instruction(nil, bpfJump, 0, 0, 0xffffffff),
	} {
		if got, err := (&call{}).results(program); err == nil {
			t.Errorf("%s: %s", name, fmt.Sprint(got))
		}
	}
}
