module github.com/whiskstore/whiskstore

go 1.26
