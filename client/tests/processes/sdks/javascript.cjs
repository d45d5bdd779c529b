// Gets role credentials as an application does, with the SDK's default chain, and prints their key id; goes on until the chain
// gives others, and prints their key id, too. The SDK is looked for where SSOCTL_TEST_NODE says.
const { createRequire } = require("node:module");
const { setTimeout } = require("node:timers/promises");
const { defaultProvider } = createRequire(`${process.env.SSOCTL_TEST_NODE}/`)("@aws-sdk/credential-provider-node");

async function main() {
  // As in a client, the provider keeps what it got until it is about to expire.
  const credentials = defaultProvider();
  const first = (await credentials()).accessKeyId;
  console.log(first);
  let next = first;
  while (next === first) {
    await setTimeout(100);
    next = (await credentials()).accessKeyId;
  }
  console.log(next);
}

main().catch((error) => {
  console.error(error, error.Code, error.Message);
  process.exitCode = 1;
});
