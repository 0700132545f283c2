package cli

import "testing"

func TestPrintable(t *testing.T) {
	for _, tt := range []struct {
		text  string
		lines bool
		want  string
	}{
		{"sleep 10 ä", false, "sleep 10 ä"},
		{"a\nb\tc\x1b[31m\x7f", false, "a?b?c?[31m?"},
		{"a\nb\tc\x1b[31m\r", true, "a\nb\tc?[31m?"},
		{"\u202e\u009b\xff", false, "??\ufffd"},
	} {
		if got := printable(tt.text, tt.lines); got != tt.want {
			t.Errorf("printable(%q, %t) = %q, want %q", tt.text, tt.lines, got, tt.want)
		}
	}
}
