package cli

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseSignal(t *testing.T) {
	for _, c := range []struct {
		text string
		want unix.Signal
	}{
		{"", unix.SIGTERM}, {"0", 0}, {"9", 9}, {"64", 64}, {"KILL", 9}, {"SIGKILL", 9}, {"sigkill", 9}, {"hup", 1},
		{"WINCH", 28}, {"RTMIN", 34}, {"SIGRTMIN+3", 37}, {"rtmin+30", 64}, {"RTMAX", 64}, {"SIGRTMAX-1", 63}, {"RTMAX-30", 34},
	} {
		if got, err := parseSignal(c.text); got != c.want || err != nil {
			t.Errorf("parseSignal(%q) = %d, %v, want %d", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{
		"BOGUS", "SIG", "SIGSIGKILL", "-1", "-9", "65", "1.5", "RTMIN-1", "RTMIN+31", "RTMAX+1", "RTMAX-31", "RTMIN+x", "RTMIN3", "RTMIN+-1", "RTMIN++1",
	} {
		want := `unknown signal "` + text + `"`
		if got, err := parseSignal(text); err == nil || err.Error() != want {
			t.Errorf("parseSignal(%q) = %d, %v, want %s", text, got, err, want)
		}
	}
}
