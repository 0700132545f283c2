package jsontext

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type object struct {
	name  string
	count uint16
	list  []int
	inner map[string]bool
}

func (o *object) decode(r *Reader) {
	r.Object(o, func(r *Reader, key string) bool {
		switch key {
		case "name":
			ReadString(r, &o.name)
		case "count":
			ReadUint(r, &o.count)
		case "list":
			ReadList(r, &o.list, ReadInt[int])
		case "inner":
			ReadMap(r, &o.inner, ReadBool)
		default:
			return false
		}
		return true
	})
}

func TestReader(t *testing.T) {
	var got object
	text := `{"name": "a\u00e9", "other": [{}, 1e5], "count": 65535, "list": [1, -2], "inner": {"x/y": true, "z": null}}`
	if err := NewReader(text, nil).Document("file", got.decode); err != nil {
		t.Fatal(err)
	}
	want := object{"aé", 65535, []int{1, -2}, map[string]bool{"x/y": true, "z": false}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(object{})); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}

func TestReaderErrors(t *testing.T) {
	tests := []struct {
		text, position, pointer, err string
	}{
		{"{\n \"inner\": {\"x/y\": 1}}", "file:2:19", "/inner/x~1y", "expected true or false, found a number"},
		{`{"list": [1, 2.5]}`, "file:1:14", "/list/1", "2.5 is not an integer"},
		{`{"count": 65536}`, "file:1:11", "/count", "65536 is out of range"},
		{`{} {}`, "file:1:4", "", "an object after the end of the object"},
	}
	for _, tt := range tests {
		var o object
		err := NewReader(tt.text, nil).Document("file", o.decode)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: the error is %v, not an *Error", tt.text, err)
			continue
		}
		if e.Position() != tt.position || e.Pointer != tt.pointer || e.Err.Error() != tt.err {
			t.Errorf("%s: %s at %q: %v, want %s at %q: %s", tt.text, e.Position(), e.Pointer, e.Err, tt.position, tt.pointer, tt.err)
		}
	}
	err := NewReader(`{"list": {}}`, nil).Document("file", new(object).decode)
	if want := "file:1:10: list: expected an array, found an object"; err == nil || err.Error() != want {
		t.Errorf("Error() = %v, want %s", err, want)
	}
}

// recorder is an Observer that records its calls.
type recorder struct{ events []string }

func (r *recorder) add(format string, args ...any) {
	r.events = append(r.events, fmt.Sprintf(format, args...))
}

func (r *recorder) BeginObject(value any) { r.add("object %T", value) }
func (r *recorder) EndObject()            { r.add("end of object") }
func (r *recorder) BeginMember(m Member) {
	r.add("%s %d %d %v", m.Key, m.KeyOffset, m.Offset, m.IsNull)
}
func (r *recorder) BeginElement(i, offset int) { r.add("[%d] %d", i, offset) }
func (r *recorder) End()                       { r.add("end") }
func (r *recorder) Unknown(key string)         { r.add("unknown %s", key) }
func (r *recorder) Folded(key string)          { r.add("folded %s", key) }
func (r *recorder) Reject(at int, why string)  { r.add("reject %d: %s", at, why) }

func TestObserver(t *testing.T) {
	var o object
	seen := new(recorder)
	err := NewReader(`{"name": 5, "x": {"y": null}, "list": ["a", 7], "count": -1}`, seen).Document("file", o.decode)
	if err != nil {
		t.Fatal(err)
	}
	if o.name != "" || o.count != 0 || len(o.list) != 2 || o.list[1] != 7 {
		t.Errorf("read %+v", o)
	}
	want := strings.Split(strings.TrimSpace(`
object *jsontext.object
name 1 9 false
reject 9: expected a string, found a number
end
x 12 17 false
unknown x
object <nil>
y 18 23 true
end
end of object
end
list 30 38 false
[0] 39
reject 39: expected a number, found a string
end
[1] 44
end
end
count 48 57 false
reject 57: -1 is negative
end
end of object`), "\n")
	if diff := cmp.Diff(want, seen.events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestFold(t *testing.T) {
	const text = `{"Name": "a", "NAME": "b", "Count": -1}`
	read := func(properties func(any) []string, observer Observer) (o object, r *Reader, err error) {
		r = NewReader(text, observer)
		r.Properties = properties
		return o, r, r.Document("file", o.decode)
	}
	if o, r, err := read(nil, nil); err != nil || o.name != "" || r.IsFolded {
		t.Errorf("without Properties: %+v, folded %v, %v", o, r.IsFolded, err)
	}
	known := func(any) []string { return []string{"name", "count"} }
	_, r, err := read(known, nil)
	if want := "file:1:37: count: -1 is negative"; err == nil || err.Error() != want || !r.IsFolded {
		t.Errorf("with Properties: folded %v, %v, want %s", r.IsFolded, err, want)
	}
	seen := new(recorder)
	if _, _, err := read(known, seen); err != nil {
		t.Fatal(err)
	}
	want := strings.Split(`object *jsontext.object;Name 1 9 false;folded name;end;NAME 14 22 false;folded name;end;`+
		`Count 27 36 false;folded count;reject 36: -1 is negative;end;end of object`, ";")
	if diff := cmp.Diff(want, seen.events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestDecodeObject(t *testing.T) {
	var name string
	var numbers []int
	var words map[string]string
	text := `{"name": "n", "numbers": [{"is": 1}, {"is": 2, "more": []}], "none": null, "words": {"a": "b"}, "unknown": {}}`
	err := DecodeObject("file", []byte(text), func(key string, v Value) bool {
		switch key {
		case "name":
			v.String(&name)
		case "numbers", "none":
			v.List(func(v Value) {
				v.Object(func(key string, v Value) bool {
					if key != "is" {
						return false
					}
					numbers = append(numbers, 0)
					v.Int(&numbers[len(numbers)-1])
					return true
				})
			})
		case "words":
			v.StringMap(&words)
		default:
			return false
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"n", []int{1, 2}, map[string]string{"a": "b"}}, []any{name, numbers, words}); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
}
