# Peergate with Ruby's xmlrpc. Requests and answers are lines, see stacks.py.
require "uri"
require "xmlrpc/client"

$stdout.sync = true
address = URI(ARGV[0])
# doc: open
gate = XMLRPC::Client.new2(address.to_s)
# end doc
if ENV["CREDENTIAL"]
  name, token = ENV["TOKEN_NAME"], ENV["TOKEN"]
  # doc: http
  address.userinfo = "#{name}:#{token}"
  gate = XMLRPC::Client.new2(address.to_s)
  # end doc
end

def row(*values)
  puts ["row", *values].join("\t")
end

# doc: number
# xmlrpc writes no integer beyond 32 bits; a node reads a double as well, exact up to 2^53.
def number(text)
  text.to_i < 2**31 ? text.to_i : text.to_f
end
# end doc

verbs = {
  "version" => ->() { row(Gem.loaded_specs["xmlrpc"]&.version || Gem::Specification.find_by_name("xmlrpc").version) },
  "methods" => ->() { gate.call("system.listMethods").each { |name| row(name) } },
  "help" => ->(method) do
    row(gate.call("system.methodSignature", method).size, gate.call("system.methodHelp", method).split.join(" "))
  end,
  "search" => ->(query, limit, min_size) do
    # doc: search
    found = gate.call("search.find", query, { "limit" => limit.to_i, "minSize" => number(min_size) })
    found["hits"].each { |hit| row(hit["contentId"], hit["size"].to_i, hit["name"], *hit["tags"]) }
    # end doc
  end,
  "read" => ->(content_id, offset, length, path) do
    # doc: read
    chunk = gate.call("content.read", content_id, { "offset" => number(offset), "length" => length.to_i })
    File.binwrite(path, chunk["data"])
    # end doc
    row(chunk["offset"].to_i, chunk["size"].to_i, chunk["eof"])
  end,
  "download" => ->(content_id, path) do
    whole = gate.call("content.download", content_id)
    File.binwrite(path, whole["data"])
    row(whole["name"], whole["size"].to_i)
  end,
  "publish" => ->(name, path, *tags) do
    # doc: publish
    content = gate.call("content.publish", name, XMLRPC::Base64.new(File.binread(path)), { "tags" => tags })
    # end doc
    published = Time.utc(*content["published"].to_a).to_i * 1000
    row(content["contentId"], content["size"].to_i, content["name"], published, *content["tags"])
  end,
  "status" => ->(transfer_id) { row(gate.call("transfer.status", transfer_id)["state"]) },
  "multicall" => ->(query, transfer_id) do
    # doc: multicall
    found, status = gate.multicall(["search.find", query, { "limit" => 100 }], ["transfer.status", transfer_id])
    row("hits", found["hits"].size)
    row("fault", status.faultCode)
    # end doc
  end,
  "subscribe" => ->(topic) { row(gate.call("event.subscribe", [topic])["subscriptionId"]) },
  "pull" => ->(subscription, wait) do
    # doc: pull
    page = gate.call("event.pull", subscription, { "waitMs" => wait.to_i })
    page["events"].each { |event| row(event["topic"], event["subject"]) }
    # end doc
  end,
}

$stdin.each_line(chomp: true) do |line|
  verb, *arguments = line.split("\t")
  begin
    verbs.fetch(verb).call(*arguments)
    puts "done"
  # doc: fault
  rescue XMLRPC::FaultException => fault
    puts "fault\t#{fault.faultCode}\t#{fault.faultString}"
  # end doc
  rescue StandardError => error
    puts "error\t#{error.message.tr("\n", " ")}"
  end
end
