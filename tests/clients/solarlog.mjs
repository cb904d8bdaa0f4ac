// Runs the npm package solarlog-enerest as it is: reads {url, portal, clientId, clientSecret, calls} from standard
// input and prints one result per call, {value} or {status, data}. A call is [method, ...arguments].
import SolarLog from "solarlog-enerest";

let input = "";
for await (const piece of process.stdin) input += piece;
const { url, portal, clientId, clientSecret, calls } = JSON.parse(input);

const client = new SolarLog(portal, { baseURL: url, authURL: url });
await client.login(clientId, clientSecret);
const results = [];
for (const [method, ...given] of calls) {
    try {
        results.push({ value: await client[method](...given) });
    } catch (error) {
        results.push({ status: error.response?.status ?? 0, data: error.response?.data ?? String(error) });
    }
}
console.log(JSON.stringify(results));
