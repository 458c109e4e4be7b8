package memory

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// databasePage is the page size of databases, fixed so that a directory can
// move between machines.
const databasePage = 4096

// What bbolt's pages hold (file format 2). Numbers are in the machine's order.
const (
	pageHeader  = 16 // page number (8), flags (2), count (2), overflow (4)
	pageElement = 16 // branch: position, key size, child (8); leaf: flags, position, key size, value size

	branchPage = 0x01
	leafPage   = 0x02
	bucketLeaf = 0x01

	maxKey = 32 << 10
)

// order is the machine's.
var order = binary.NativeEndian

// checkPages holds that a bbolt database is of one piece, before bbolt reads
// it: bbolt trusts what its pages say of each other, and a wrong number there
// ends in a fault or an endless loop that its caller cannot stop. It returns the
// number of the newest transaction.
func checkPages(path string) (tx uint64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	root, pages, tx, err := checkMetaPages(f)
	if err != nil {
		return 0, err
	}
	if uint64(info.Size())/databasePage < pages {
		return 0, fmt.Errorf("the file ends after %d bytes, it had %d pages", info.Size(), pages)
	}
	c := pageCheck{f: f, seen: make([]bool, pages)}
	return tx, c.tree(root, nil, nil)
}

// newestTransaction returns the number of the newest transaction.
func newestTransaction(path string) (uint64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	_, _, tx, err := checkMetaPages(f)
	return tx, err
}

// checkMetaPages holds that both meta pages are whole and neighbours. bbolt
// writes them in turn and opens with the other one when the newest is broken,
// which after damage would be an older state without a word. A commit that is
// cut short does not break one: what a meta page holds fits in a disk sector.
func checkMetaPages(f io.Reader) (root, pages, tx uint64, err error) {
	var b [2 * databasePage]byte
	if _, err := io.ReadFull(f, b[:]); err != nil {
		return 0, 0, 0, fmt.Errorf("meta pages: %w", err)
	}
	var txs [2]uint64
	for i := range txs {
		page := b[i*databasePage:]
		// Magic, version, page size, flags (4 each), root, sequence, free list, number
		// of pages, transaction (8 each), and the FNV-1a hash of these.
		meta := page[pageHeader : pageHeader+64]
		sum := fnv.New64a()
		sum.Write(meta[:56])
		txs[i] = order.Uint64(meta[48:])
		if sum.Sum64() != order.Uint64(meta[56:]) || order.Uint64(page) != uint64(i) || txs[i]%2 != uint64(i) {
			return 0, 0, 0, fmt.Errorf("meta page %d is broken", i)
		}
		if order.Uint32(meta[8:]) != databasePage {
			return 0, 0, 0, fmt.Errorf("page size %d", order.Uint32(meta[8:]))
		}
		if txs[i] >= tx {
			tx, root, pages = txs[i], order.Uint64(meta[16:]), order.Uint64(meta[40:])
		}
	}
	if d := int64(txs[0] - txs[1]); d != 1 && d != -1 {
		return 0, 0, 0, fmt.Errorf("meta pages of transactions %d and %d", txs[0], txs[1])
	}
	return root, pages, tx, nil
}

// pageCheck walks the pages of a database.
type pageCheck struct {
	f    *os.File
	seen []bool // by page number
}

// tree checks a page and those below it: each is where it says it is, whole,
// and reached once, and its keys grow, from min up to before max where these are
// not nil.
func (c *pageCheck) tree(id uint64, min, max []byte) error {
	wrong := func(what string) error { return fmt.Errorf("page %d: %s", id, what) }
	if id < 2 || id >= uint64(len(c.seen)) {
		return wrong("out of bounds")
	}
	page, err := c.read(id*databasePage, databasePage)
	if err != nil {
		return err
	}
	flags, count, more := order.Uint16(page[8:]), int(order.Uint16(page[10:])), uint64(order.Uint32(page[12:]))
	switch {
	case order.Uint64(page) != id:
		return wrong("is another one")
	case flags != branchPage && flags != leafPage:
		return wrong("is of no known type")
	case more >= uint64(len(c.seen))-id:
		return wrong("ends out of bounds")
	}
	for i := id; i <= id+more; i++ {
		if c.seen[i] {
			return wrong("is reached twice")
		}
		c.seen[i] = true
	}
	size := uint64(more+1) * databasePage
	if elements := uint64(pageHeader + count*pageElement); elements > size {
		return wrong("is too small for its elements")
	} else if elements > databasePage {
		if page, err = c.read(id*databasePage, size); err != nil {
			return err
		}
	}
	keys := make([][]byte, count, count+1)
	for i := range count {
		at := uint64(pageHeader + i*pageElement)
		e := page[at : at+pageElement]
		if flags == leafPage {
			e = e[4:]
		}
		from, to := at+uint64(order.Uint32(e)), at+uint64(order.Uint32(e))+uint64(order.Uint32(e[4:]))
		if to > size || to-from > maxKey {
			return wrong("has a key out of bounds")
		}
		if to <= uint64(len(page)) {
			keys[i] = page[from:to]
		} else if keys[i], err = c.read(id*databasePage+from, to-from); err != nil {
			return err
		}
		if i > 0 && bytes.Compare(keys[i-1], keys[i]) >= 0 || i == 0 && bytes.Compare(keys[0], min) < 0 {
			return wrong("has keys out of order")
		}
	}
	if count > 0 && max != nil && bytes.Compare(keys[count-1], max) >= 0 {
		return wrong("has keys out of order")
	}
	keys = append(keys, max)
	for i := range count {
		at := uint64(pageHeader + i*pageElement)
		e := page[at : at+pageElement]
		if flags == branchPage {
			if err := c.tree(order.Uint64(e[8:]), keys[i], keys[i+1]); err != nil {
				return err
			}
			continue
		}
		value := at + uint64(order.Uint32(e[4:])) + uint64(order.Uint32(e[8:]))
		length := uint64(order.Uint32(e[12:]))
		if value+length > size {
			return wrong("has a value out of bounds")
		}
		if order.Uint32(e)&bucketLeaf != 0 {
			if err := c.bucket(id, value, length); err != nil {
				return err
			}
		}
	}
	return nil
}

// bucket checks the tree of a bucket, whose root is in a value of a page; small
// buckets lie in the value themselves.
func (c *pageCheck) bucket(page, value, length uint64) error {
	const header = 16 // root page, sequence
	if length < header {
		return fmt.Errorf("page %d: has a bucket without a root", page)
	}
	head, err := c.read(page*databasePage+value, header)
	if err != nil {
		return err
	}
	if root := order.Uint64(head); root != 0 {
		return c.tree(root, nil, nil)
	}
	return nil
}

func (c *pageCheck) read(at, length uint64) ([]byte, error) {
	b := make([]byte, length)
	_, err := c.f.ReadAt(b, int64(at))
	return b, err
}
