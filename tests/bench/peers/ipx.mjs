// ipx as a service of the bench: files of the folder in argument 1, on a free port of loopback, which is printed.

import { createServer } from "node:http";
import { loadFrom } from "./modules.mjs";

const { createIPX, createIPXNodeServer, ipxFSStorage } = await loadFrom("ipx");
const serve = createIPXNodeServer(createIPX({ storage: ipxFSStorage({ dir: process.argv[2] }) }));
const server = createServer(serve);
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
