<?php
// A legacy catalogue with PHP's SoapServer, written against wsdl/catalog.wsdl. FOLDER holds what it serves, see
// servers.py; WSDL is the description's file.

class Catalogue
{
    function CatalogSearch($request)
    {
        $found = [];
        foreach (entries() as $entry) {
            $text = strtolower("$entry->name $entry->description " . implode(' ', $entry->tags));
            $matches = array_filter(explode(' ', strtolower($request->query)), fn($word) => !str_contains($text, $word));
            if (!$matches && count($found) < $request->limit) {
                unset($entry->file);
                $found[] = $entry;
            }
        }
        return ['result' => ['entries' => $found]];
    }

    function CatalogRead($request)
    {
        foreach (entries() as $entry) {
            if ($entry->entryId === $request->entryId) {
                $data = $request->length && $request->offset < $entry->size
                    ? file_get_contents($entry->file, false, null, $request->offset, $request->length) : '';
                $eof = $request->offset + strlen($data) >= $entry->size;
                return ['result' => ['data' => $data, 'offset' => $request->offset, 'size' => $entry->size, 'eof' => $eof]];
            }
        }
        throw new SoapFault('Client', "there is no entry $request->entryId");
    }
}

function entries()
{
    $folder = getenv('FOLDER');
    clearstatcache();
    foreach (file("$folder/index.tsv", FILE_IGNORE_NEW_LINES) as $line) {
        [$id, $file, $name, $type, $description, $tags] = explode("\t", $line);
        $path = "$folder/$file";
        yield (object) [
            'entryId' => $id, 'file' => $path, 'name' => $name, 'size' => filesize($path), 'mediaType' => $type,
            'description' => $description, 'tags' => array_filter(explode(',', $tags)),
            'modified' => gmdate('Y-m-d\TH:i:s\Z', filemtime($path)),
        ];
    }
}

$server = new SoapServer(getenv('WSDL'), ['cache_wsdl' => WSDL_CACHE_NONE]);
$server->setClass('Catalogue');
$server->handle();
