package specconv

import "strconv"

// The functions of this file read one JSON value each into what v points to.

func readString[T ~string](r *reader, v *T) {
	if !r.null() {
		*v = T(r.string())
	}
}

func readBool(r *reader, v *bool) {
	switch {
	case r.null():
	case r.literal("true"):
		*v = true
	case r.literal("false"):
		*v = false
	default:
		r.mismatch("true or false")
	}
}

type signed interface{ ~int | ~int32 | ~int64 }

func readInt[T signed](r *reader, v *T) {
	if r.null() {
		return
	}
	at := r.pos
	token := r.number()
	if token == "" {
		return
	}
	n, err := strconv.ParseInt(token, 10, 64)
	if err != nil || int64(T(n)) != n {
		r.outOfRange(at, token+" is "+whyNot(err))
		return
	}
	*v = T(n)
}

type unsigned interface {
	~uint | ~uint16 | ~uint32 | ~uint64
}

func readUint[T unsigned](r *reader, v *T) {
	if r.null() {
		return
	}
	at := r.pos
	token := r.number()
	if token == "" {
		return
	}
	n, err := strconv.ParseUint(token, 10, 64)
	if err != nil || uint64(T(n)) != n {
		if token[0] == '-' {
			r.outOfRange(at, token+" is negative")
			return
		}
		r.outOfRange(at, token+" is "+whyNot(err))
		return
	}
	*v = T(n)
}

func whyNot(err error) string {
	if ne, ok := err.(*strconv.NumError); ok && ne.Err == strconv.ErrSyntax {
		return "not an integer"
	}
	return "out of range"
}

// readNew reads a value that may be absent.
func readNew[T any](r *reader, v **T, read func(*reader, *T)) {
	if r.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(T)
	}
	read(r, *v)
}

// readList reads an array; an empty one is not nil.
func readList[T any](r *reader, v *[]T, read func(*reader, *T)) {
	if r.null() {
		*v = nil
		return
	}
	*v = make([]T, 0, 8)
	r.array(func(r *reader) {
		var element T
		*v = append(*v, element)
		read(r, &(*v)[len(*v)-1])
	})
}

// readMap reads an object whose keys are data.
func readMap[T any](r *reader, v *map[string]T, read func(*reader, *T)) {
	if r.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = make(map[string]T)
	}
	r.object(v, func(r *reader, key string) {
		var element T
		read(r, &element)
		(*v)[key] = element
	})
}
