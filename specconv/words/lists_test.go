package words

import (
	"bytes"
	"testing"
)

func TestParseList(t *testing.T) {
	tests := []struct {
		list string
		want []byte
		err  string
	}{
		{"", nil, ""},
		{" ", nil, ""},
		{"0", []byte{1, 0, 0, 0, 0, 0, 0, 0}, ""},
		{"1-3, 7", []byte{0x8e, 0, 0, 0, 0, 0, 0, 0}, ""},
		{"64", []byte{0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, ""},
		{"0-", nil, `"0-" is neither a number nor a range`},
		{"1,,2", nil, `"" is neither a number nor a range`},
		{"-1", nil, `"-1" is neither a number nor a range`},
		{"3-2", nil, `range "3-2" goes backwards`},
		{"0-4294967295", nil, "4294967295 is out of range"},
	}
	for _, tt := range tests {
		got, err := ParseList(tt.list)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if !bytes.Equal(got, tt.want) || text != tt.err {
			t.Errorf("ParseList(%q) = %x, %q, want %x, %q", tt.list, got, text, tt.want, tt.err)
		}
	}
}
