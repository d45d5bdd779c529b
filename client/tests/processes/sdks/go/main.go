// Gets role credentials as an application does, with the default chain of the AWS SDK for Go 2, and prints their key id. With the
// argument "renew" it goes on until the chain gives others, and prints their key id, too.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
)

func main() {
	loaded, err := config.LoadDefaultConfig(context.TODO())
	if err != nil {
		log.Fatal(err)
	}
	key := func() string {
		credentials, err := loaded.Credentials.Retrieve(context.TODO())
		if err != nil {
			log.Fatal(err)
		}
		return credentials.AccessKeyID
	}
	first := key()
	fmt.Println(first)
	if len(os.Args) < 2 || os.Args[1] != "renew" {
		return
	}
	next := first
	for next == first {
		time.Sleep(100 * time.Millisecond)
		next = key()
	}
	fmt.Println(next)
}
