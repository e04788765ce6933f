<?php
// Peergate with PHP's xmlrpc extension. Requests and answers are lines, see stacks.py.

[$script, $address] = $argv;
$authorization = "";
if (getenv("CREDENTIAL")) {
    [$name, $token] = [getenv("TOKEN_NAME"), getenv("TOKEN")];
    // doc: http
    $authorization = "Authorization: Basic " . base64_encode("$name:$token") . "\r\n";
    // end doc
}

// doc: open
function call($method, ...$parameters)
{
    global $address, $authorization;
    $body = xmlrpc_encode_request($method, $parameters, ["encoding" => "UTF-8", "escaping" => "markup"]);
    $http = ["method" => "POST", "header" => "Content-Type: text/xml\r\n$authorization", "content" => $body];
    $answer = @file_get_contents($address, false, stream_context_create(["http" => $http]));
    if ($answer === false) {
        throw new ErrorException("no answer: " . ($http_response_header[0] ?? "no connection"));
    }
    $value = xmlrpc_decode($answer, "UTF-8");
    if (is_array($value) && xmlrpc_is_fault($value)) {
        throw new RuntimeException($value["faultString"], $value["faultCode"]);
    }
    return $value;
}

function bytes($data)
{
    xmlrpc_set_type($data, "base64");
    return $data;
}

// The extension writes no integer beyond 32 bits; a node reads a double as well.
function number($text)
{
    return abs((int) $text) < 2 ** 31 ? (int) $text : (float) $text;
}
// end doc

function row(...$values)
{
    echo "row\t", implode("\t", array_map(fn($value) => is_bool($value) ? var_export($value, true) : $value, $values)), "\n";
}

$verbs = [
    "version" => fn() => row(phpversion("xmlrpc")),
    "methods" => function () {
        foreach (call("system.listMethods") as $name) {
            row($name);
        }
    },
    "help" => fn($method) => row(
        count(call("system.methodSignature", $method)), preg_replace('/\s+/', " ", call("system.methodHelp", $method))),
    "search" => function ($query, $limit, $minSize) {
        // doc: search
        $found = call("search.find", $query, ["limit" => number($limit), "minSize" => number($minSize)]);
        foreach ($found["hits"] as $hit) {
            row($hit["contentId"], (int) $hit["size"], $hit["name"], ...$hit["tags"]);
        }
        // end doc
    },
    "read" => function ($contentId, $offset, $length, $path) {
        // doc: read
        $chunk = call("content.read", $contentId, ["offset" => number($offset), "length" => number($length)]);
        file_put_contents($path, $chunk["data"]->scalar);
        // end doc
        row((int) $chunk["offset"], (int) $chunk["size"], $chunk["eof"]);
    },
    "download" => function ($contentId, $path) {
        $whole = call("content.download", $contentId);
        file_put_contents($path, $whole["data"]->scalar);
        row($whole["name"], (int) $whole["size"]);
    },
    "publish" => function ($name, $path, ...$tags) {
        // doc: publish
        $content = call("content.publish", $name, bytes(file_get_contents($path)), ["tags" => $tags]);
        // end doc
        $published = (new DateTimeImmutable($content["published"]->scalar, new DateTimeZone("UTC")))->format("Uv");
        row($content["contentId"], (int) $content["size"], $content["name"], $published, ...$content["tags"]);
    },
    "status" => fn($transferId) => row(call("transfer.status", $transferId)["state"]),
    "multicall" => function ($query, $transferId) {
        // doc: multicall
        [$found, $status] = call("system.multicall", [
            ["methodName" => "search.find", "params" => [$query, ["limit" => 100]]],
            ["methodName" => "transfer.status", "params" => [$transferId]],
        ]);
        row("hits", count($found[0]["hits"]));    // an answer is in an array of one, a fault is a struct
        // end doc
        row("fault", $status["faultCode"] ?? "none");
    },
    "subscribe" => fn($topic) => row(call("event.subscribe", [$topic])["subscriptionId"]),
    "pull" => function ($subscription, $wait) {
        // doc: pull
        $page = call("event.pull", $subscription, ["waitMs" => (int) $wait]);
        foreach ($page["events"] as $event) {
            row($event["topic"], $event["subject"]);
        }
        // end doc
    },
];

while (($line = fgets(STDIN)) !== false) {
    $arguments = explode("\t", rtrim($line, "\n"));
    $verb = array_shift($arguments);
    try {
        $verbs[$verb](...$arguments);
        echo "done\n";
    } catch (RuntimeException $fault) {
        echo "fault\t", $fault->getCode(), "\t", $fault->getMessage(), "\n";
    } catch (Throwable $error) {
        echo "error\t", strtr($error->getMessage(), "\n", " "), "\n";
    }
}
