package cache

// Grow adds a partition.
func (b *Bus) Grow() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.parts = append(b.parts, busPartition{})
	b.changed()
}

// Recreate empties the topic and gives it that many partitions, as deleting and
// making it anew does.
func (b *Bus) Recreate(partitions int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.parts = make([]busPartition, partitions)
	b.changed()
}

// MAC is the secret under which credentials are digested.
func (i *Identities) MAC() []byte { return i.mac[:] }
