import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.CollectionOptions;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.DatabaseResolver;
import de.bwaldvogel.mongo.backend.Index;
import de.bwaldvogel.mongo.backend.QueryResult;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.backend.memory.MemoryCollection;
import de.bwaldvogel.mongo.backend.memory.MemoryDatabase;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.oplog.Oplog;
import io.netty.channel.Channel;
import java.util.List;

/** mongo-java-server, in memory, with the three things that nubo's tests need and it lacks. */
public final class StandIn {
    /** The driver refuses what it says by itself, 5.0 with wire version 8. */
    private static final class Version implements MongoVersion {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(4, 4, 0);
        }

        @Override
        public int getWireVersion() {
            return 9;
        }
    }

    /** It uses an index only for filters of exactly the index's fields: an update by _id and version would scan. */
    private static final class Collection extends MemoryCollection {
        Collection(MongoDatabase database, String name, CollectionOptions options, CursorRegistry cursors) {
            super(database, name, options, cursors);
        }

        @Override
        protected QueryResult queryDocuments(
                Document query, Document order, int skip, int limit, int batchSize, Document fields) {
            for (Index<Integer> index : getIndexes()) {
                Document part = new Document();
                index.getKeys().forEach(key -> {
                    if (query.containsKey(key.getKey())) part.put(key.getKey(), query.get(key.getKey()));
                });
                if (!index.canHandle(part)) continue;
                return matchDocuments(query, index.getPositions(part), order, skip, limit, batchSize, fields);
            }
            return super.queryDocuments(query, order, skip, limit, batchSize, fields);
        }
    }

    private static final class Database extends MemoryDatabase {
        Database(String name, CursorRegistry cursors) {
            super(name, cursors);
        }

        @Override
        protected MemoryCollection openOrCreateCollection(String name, CollectionOptions options) {
            return new Collection(this, name, options, cursorRegistry);
        }

        /** It counts as inserted what it has refused. */
        @Override
        public Document handleCommand(
                Channel channel, String command, Document query, DatabaseResolver databases, Oplog oplog) {
            Document result = super.handleCommand(channel, command, query, databases, oplog);
            if (command.equals("insert") && result.get("writeErrors") instanceof List<?> errors) {
                boolean isOrdered = !Boolean.FALSE.equals(query.get("ordered"));
                int sent = ((List<?>) query.get("documents")).size();
                Object first = ((Document) errors.get(0)).get("index");
                result.put("n", isOrdered ? first : (Integer) (sent - errors.size()));
            }
            return result;
        }
    }

    private static final class Backend extends MemoryBackend {
        @Override
        public MemoryDatabase openOrCreateDatabase(String name) {
            return new Database(name, getCursorRegistry());
        }
    }

    /** Serves on 127.0.0.1 until it is killed; the only argument is the port. */
    public static void main(String[] arguments) {
        MongoServer server = new MongoServer(new Backend().version(new Version()));
        server.bind("127.0.0.1", Integer.parseInt(arguments[0]));
    }
}
