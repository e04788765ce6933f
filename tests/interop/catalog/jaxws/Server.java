// A legacy catalogue with JAX-WS, on what wsimport makes of wsdl/catalog.wsdl. FOLDER holds what it serves, see servers.py.

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.activation.DataHandler;
import javax.jws.WebService;
import javax.mail.util.ByteArrayDataSource;
import javax.xml.datatype.DatatypeConfigurationException;
import javax.xml.datatype.DatatypeFactory;
import javax.xml.ws.Endpoint;
import javax.xml.ws.soap.MTOM;
import peergate.CatalogEntry;
import peergate.CatalogPage;
import peergate.Chunk;
import peergate.Fault;
import peergate.FaultDetail;
import peergate.FaultKind;
import peergate.PeergateCatalogPortType;

@MTOM
@WebService(
        endpointInterface = "peergate.PeergateCatalogPortType",
        targetNamespace = "urn:peergate:v1",
        serviceName = "PeergateCatalog",
        portName = "PeergateCatalogPort")
public class Server implements PeergateCatalogPortType {
    private final Path folder = Paths.get(System.getenv("FOLDER"));

    @Override
    public CatalogPage catalogSearch(String query, int limit) {
        CatalogPage page = new CatalogPage();
        for (CatalogEntry entry : entries().keySet()) {
            String text = (entry.getName() + " " + entry.getDescription() + " " + entry.getTags()).toLowerCase();
            if (Arrays.stream(query.toLowerCase().split(" ")).allMatch(text::contains) && page.getEntries().size() < limit) {
                page.getEntries().add(entry);
            }
        }
        return page;
    }

    @Override
    public Chunk catalogRead(String entryId, long offset, int length) throws Fault {
        for (Map.Entry<CatalogEntry, Path> found : entries().entrySet()) {
            CatalogEntry entry = found.getKey();
            if (entry.getEntryId().equals(entryId)) {
                byte[] data = bytes(found.getValue(), offset, length);
                Chunk chunk = new Chunk();
                chunk.setData(new DataHandler(new ByteArrayDataSource(data, "application/octet-stream")));
                chunk.setOffset(offset);
                chunk.setSize(entry.getSize());
                chunk.setEof(offset + data.length >= entry.getSize());
                return chunk;
            }
        }
        FaultDetail detail = new FaultDetail();
        detail.setKind(FaultKind.NOT_FOUND);
        detail.setMessage("there is no entry " + entryId);
        throw new Fault(detail.getMessage(), detail);
    }

    private static byte[] bytes(Path path, long offset, int length) {
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
            byte[] data = new byte[(int) Math.max(0, Math.min(length, file.length() - offset))];
            file.seek(offset);
            file.readFully(data);
            return data;
        } catch (IOException problem) {
            throw new UncheckedIOException(problem);
        }
    }

    private Map<CatalogEntry, Path> entries() {
        Map<CatalogEntry, Path> entries = new LinkedHashMap<>();
        try {
            for (String line : Files.readAllLines(folder.resolve("index.tsv"), StandardCharsets.UTF_8)) {
                String[] columns = line.split("\t", -1);
                Path path = folder.resolve(columns[1]);
                CatalogEntry entry = new CatalogEntry();
                entry.setEntryId(columns[0]);
                entry.setName(columns[2]);
                entry.setSize(Files.size(path));
                entry.setMediaType(columns[3]);
                entry.setDescription(columns[4]);
                Arrays.stream(columns[5].split(",")).filter(tag -> !tag.isEmpty()).forEach(entry.getTags()::add);
                String modified = Files.getLastModifiedTime(path).toInstant().toString();
                entry.setModified(DatatypeFactory.newInstance().newXMLGregorianCalendar(modified));
                entries.put(entry, path);
            }
        } catch (IOException problem) {
            throw new UncheckedIOException(problem);
        } catch (DatatypeConfigurationException problem) {
            throw new IllegalStateException(problem);
        }
        return entries;
    }

    public static void main(String[] arguments) {
        Endpoint.publish("http://127.0.0.1:" + arguments[0] + "/catalog", new Server());
    }
}
