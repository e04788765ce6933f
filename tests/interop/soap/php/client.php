<?php
// Peergate with PHP's SoapClient. Requests and answers are lines, see stacks.py.

[$script, $wsdl] = $argv;
// doc: open
$options = [
    "features" => SOAP_SINGLE_ELEMENT_ARRAYS,    // without it a list of one is no list
    "cache_wsdl" => WSDL_CACHE_NONE,
    "soap_version" => str_contains($wsdl, "/soap12") ? SOAP_1_2 : SOAP_1_1,
];
$gate = new SoapClient($wsdl, $options);
// end doc

if (getenv("MTOM")) {
    $wish = stream_context_create(["http" => ["header" => "Accept: application/xop+xml, text/xml"]]);
    $gate = new SoapClient($wsdl, $options + ["stream_context" => $wish]);
}
[$credential, $name, $token] = [getenv("CREDENTIAL"), getenv("TOKEN_NAME"), getenv("TOKEN")];
if ($credential === "http") {
    // doc: http
    $gate = new SoapClient($wsdl, $options + ["login" => $name, "password" => $token]);
    // end doc
} elseif ($credential) {
    $digest = $credential === "digest";
    // doc: token
    $wsse = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-";
    [$nonce, $created] = [random_bytes(16), gmdate("Y-m-d\TH:i:s\Z")];
    $shown = $digest ? base64_encode(sha1($nonce . $created . $token, true)) : htmlspecialchars($token);
    $gate->__setSoapHeaders(new SoapHeader("{$wsse}wssecurity-secext-1.0.xsd", "Security", new SoapVar(
        "<w:Security xmlns:w='{$wsse}wssecurity-secext-1.0.xsd' xmlns:u='{$wsse}wssecurity-utility-1.0.xsd'><w:UsernameToken>"
        . "<w:Username>" . htmlspecialchars($name) . "</w:Username>"
        . "<w:Password Type='{$wsse}username-token-profile-1.0#Password" . ($digest ? "Digest" : "Text") . "'>$shown</w:Password>"
        . "<w:Nonce>" . base64_encode($nonce) . "</w:Nonce><u:Created>$created</u:Created></w:UsernameToken></w:Security>",
        XSD_ANYXML)));
    // end doc
}

function row(...$values)
{
    echo "row\t", implode("\t", array_map(fn($value) => is_bool($value) ? var_export($value, true) : $value, $values)), "\n";
}

$verbs = [
    "version" => fn() => row(PHP_MAJOR_VERSION . "." . PHP_MINOR_VERSION),
    "operations" => function () use ($gate) {
        foreach ($gate->__getFunctions() as $function) {
            row(preg_replace('/^\S+ (\w+)\(.*$/s', '$1', $function));
        }
    },
    "search" => function ($query, $limit, $minSize) use ($gate) {
        // doc: search
        $found = $gate->SearchFind(["query" => $query, "limit" => $limit, "minSize" => $minSize])->result;
        foreach ($found->hits ?? [] as $hit) {        // an empty list is absent
            row($hit->contentId, $hit->size, $hit->name, ...$hit->tags ?? []);
        }
        // end doc
    },
    "read" => function ($contentId, $offset, $length, $path) use ($gate) {
        // doc: read
        $chunk = $gate->ContentRead(["contentId" => $contentId, "offset" => $offset, "length" => $length])->result;
        file_put_contents($path, $chunk->data);
        // end doc
        row($chunk->offset, $chunk->size, $chunk->eof);
    },
    "download" => function ($contentId, $path) use ($gate) {
        // doc: download
        $whole = $gate->ContentDownload(["contentId" => $contentId])->result;
        file_put_contents($path, $whole->data);
        // end doc
        row($whole->name, $whole->size);
    },
    "publish" => function ($name, $path, ...$tags) use ($gate) {
        // doc: publish
        $content = $gate->ContentPublish(["name" => $name, "data" => file_get_contents($path), "tags" => $tags])->result;
        // end doc
        $published = (new DateTimeImmutable($content->published))->format("Uv");
        row($content->contentId, $content->size, $content->name, $published, ...$content->tags ?? []);
    },
    "status" => fn($transferId) => row($gate->TransferStatus(["transferId" => $transferId])->result->state),
];

while (($line = fgets(STDIN)) !== false) {
    $arguments = explode("\t", rtrim($line, "\n"));
    $verb = array_shift($arguments);
    try {
        $verbs[$verb](...$arguments);
        echo "done\n";
    // doc: fault
    } catch (SoapFault $fault) {
        $detail = $fault->detail->Fault ?? null;
        // end doc
        echo $detail ? "fault\t$detail->kind\t$detail->message\n" : "error\t" . strtr($fault->getMessage(), "\n", " ") . "\n";
    } catch (Throwable $error) {
        echo "error\t", strtr($error->getMessage(), "\n", " "), "\n";
    }
}
