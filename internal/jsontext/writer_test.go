package jsontext

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriter(t *testing.T) {
	type inner struct {
		Flag bool              `json:"flag"`
		List []string          `json:"list"`
		Map  map[string]string `json:"map"`
	}
	value := struct {
		Text  string `json:"text"`
		Int   int    `json:"int"`
		Uint  uint64 `json:"uint"`
		Inner inner  `json:"inner"`
		None  inner  `json:"none"`
	}{
		"a\"b\x01", -5, 1<<64 - 1,
		inner{true, []string{"x", "<y>"}, map[string]string{"z": "1", "": "\u2028"}},
		inner{List: []string{}, Map: map[string]string{}},
	}
	write := func(w *Writer, v inner) {
		w.Begin('{')
		w.Bool("flag", v.Flag)
		w.Strings("list", v.List)
		w.StringMap("map", v.Map)
		w.End('}')
	}
	for _, indented := range []bool{false, true} {
		w := &Writer{Indented: indented}
		w.Begin('{')
		w.String("text", value.Text)
		w.Int("int", value.Int)
		w.Uint("uint", value.Uint)
		w.Key("inner")
		write(w, value.Inner)
		w.Key("none")
		write(w, value.None)
		w.End('}')
		want, err := json.Marshal(value)
		if indented {
			want, err = json.MarshalIndent(value, "", "  ")
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(w.Text)); diff != "" {
			t.Error(diff)
		}
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add("a\x00\x1f\"\\\u2029\ufffd\xed\xa0\x80")
	f.Fuzz(func(t *testing.T, text string) {
		want, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		got := string(AppendString(nil, text))
		// A replacement character in the text isn't changed.
		if strings.ReplaceAll(got, `\ufffd`, "\ufffd") != strings.ReplaceAll(string(want), `\ufffd`, "\ufffd") {
			t.Errorf("AppendString(%q) = %s, want %s", text, got, want)
		}
	})
}
