import static io.trino.testing.TestingSession.testSessionBuilder;

import io.trino.Session;
import io.trino.plugin.hive.HivePlugin;
import io.trino.plugin.memory.MemoryPlugin;
import io.trino.testing.DistributedQueryRunner;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * A Trino server of one process on 127.0.0.1 with Hive tables in a folder, for scripts/record_trino_hive.py.
 *
 * <p>The metastore is files in that folder too. The server ends with its standard input.
 */
public class TrinoHiveServer {
    public static void main(String[] args) throws Exception {
        Path files = Path.of(args[0]);
        Files.createDirectories(files.resolve("metastore"));
        Session session = testSessionBuilder().setCatalog("hive").setSchema("default").build();
        DistributedQueryRunner runner = DistributedQueryRunner.builder(session).setWorkerCount(0).build();
        runner.installPlugin(new MemoryPlugin());
        runner.createCatalog("memory", "memory", Map.of());
        runner.installPlugin(new HivePlugin());
        Map<String, String> settings = new HashMap<>();
        settings.put("hive.metastore", "file");
        settings.put("hive.metastore.catalog.dir", "local:///metastore");
        settings.put("fs.local.enabled", "true");
        settings.put("local.location", files.toString());
        settings.put("hive.non-managed-table-writes-enabled", "true");
        settings.put("hive.security", "allow-all");
        runner.createCatalog("hive", "hive", settings);
        System.out.println("READY " + runner.getCoordinator().getBaseUrl());
        while (System.in.read() >= 0) {
            continue;
        }
        runner.close();
        System.exit(0);
    }
}
