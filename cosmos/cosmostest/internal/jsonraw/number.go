package jsonraw

import (
	"math"
	"strconv"
	"strings"
)

// AppendNumber appends the shortest spelling of a double. Exponents have three digits, which is how the service stores
// them. f is finite.
func AppendNumber(dst []byte, f float64) []byte {
	return appendDouble(dst, f, -1, 3)
}

// AppendComputed appends the spelling that a query gives a double that it computed: 15 significant digits if they are
// exact, else 17, and an exponent of two digits. f is finite.
func AppendComputed(dst []byte, f float64) []byte {
	precision := 17
	if g, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 15, 64), 64); err == nil && g == f {
		precision = -1
	}
	return appendDouble(dst, f, precision, 2)
}

func appendDouble(dst []byte, f float64, precision, exponentDigits int) []byte {
	abs := math.Abs(f)
	switch {
	case f == 0:
		return append(dst, '0')
	case f == math.Trunc(f) && abs < 1e15:
		return strconv.AppendInt(dst, int64(f), 10)
	case abs >= 1e-5 && abs < 1e17:
		if precision > 0 {
			precision -= max(1, 1+int(math.Floor(math.Log10(abs))))
			if abs < 1 {
				precision = 17 - 1 - int(math.Floor(math.Log10(abs)))
			}
		}
		return strconv.AppendFloat(dst, f, 'f', precision, 64)
	}
	if precision > 0 {
		precision--
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', precision, 64)
	for i := start; i < len(dst); i++ {
		if dst[i] == 'e' {
			exponent := string(dst[i+2:])
			dst = append(dst[:i+2], strings.Repeat("0", max(0, exponentDigits-len(exponent)))...)
			return append(dst, exponent...)
		}
	}
	return dst
}

// Wide reports whether a normalised text holds a number that queries spell differently: an integer beyond 63 bits or
// one with an exponent.
func Wide(text string) bool {
	found := false
	numbers(text, func(token string) { found = found || wideNumber(token) })
	return found
}

func wideNumber(token string) bool {
	if strings.IndexByte(token, 'e') >= 0 {
		return true
	}
	if len(token) < 19 || strings.IndexByte(token, '.') >= 0 {
		return false
	}
	_, err := strconv.ParseInt(token, 10, 64)
	return err != nil
}

// QueryForm respells the numbers that [Wide] finds as a query does: as doubles with an exponent of two digits.
func QueryForm(text string) string {
	var out strings.Builder
	last := 0
	at := numbersAt(text, func(i int, token string) {
		if !wideNumber(token) {
			return
		}
		f, err := strconv.ParseFloat(token, 64)
		if err != nil {
			return
		}
		out.WriteString(text[last:i])
		out.Write(appendDouble(nil, f, -1, 2))
		last = i + len(token)
	})
	out.WriteString(text[last:at])
	return out.String()
}

func numbers(text string, yield func(token string)) {
	numbersAt(text, func(_ int, token string) { yield(token) })
}

// numbersAt calls yield for each number of a text and returns the length of the text.
func numbersAt(text string, yield func(i int, token string)) int {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			i = skipString(text, i)
		case c == '-' || c >= '0' && c <= '9':
			end := Skip(text, i)
			yield(i, text[i:end])
			i = end
		default:
			i++
		}
	}
	return len(text)
}
