import static io.trino.testing.TestingSession.testSessionBuilder;

import io.trino.Session;
import io.trino.plugin.memory.MemoryPlugin;
import io.trino.plugin.tpch.TpchPlugin;
import io.trino.spi.Plugin;
import io.trino.testing.DistributedQueryRunner;
import java.util.Map;

/** A Trino server of one process on 127.0.0.1, for scripts/record_trino.py. It ends with its standard input. */
public class TrinoServer {
    public static void main(String[] args) throws Exception {
        Session session = testSessionBuilder().setCatalog("memory").setSchema("default").build();
        DistributedQueryRunner runner = DistributedQueryRunner.builder(session).setNodeCount(1).build();
        runner.installPlugin(new MemoryPlugin());
        runner.createCatalog("memory", "memory", Map.of());
        runner.installPlugin(new TpchPlugin());
        runner.createCatalog("tpch", "tpch", Map.of());
        try {
            // Not every version of the TPC-DS connector is published.
            Class<?> plugin = Class.forName("io.trino.plugin.tpcds.TpcdsPlugin");
            runner.installPlugin((Plugin) plugin.getDeclaredConstructor().newInstance());
            runner.createCatalog("tpcds", "tpcds", Map.of());
        } catch (ClassNotFoundException absent) {
            System.err.println("There is no TPC-DS connector.");
        }
        System.out.println("READY " + runner.getCoordinator().getBaseUrl());
        while (System.in.read() >= 0) {
            continue;
        }
        runner.close();
        System.exit(0);
    }
}
