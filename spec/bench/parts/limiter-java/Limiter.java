// Decisions a second of bucket4j: one bucket refusing, and a map of buckets, each key once; after two rounds of warming.
import io.github.bucket4j.Bucket;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;

public class Limiter {
  private static final com.sun.management.OperatingSystemMXBean SYSTEM =
      (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  private static Bucket bucket() {
    return Bucket.builder()
        .addLimit(limit -> limit.capacity(3).refillGreedy(1, Duration.ofSeconds(6)))
        .addLimit(limit -> limit.capacity(10).refillGreedy(10, Duration.ofMinutes(1)))
        .build();
  }

  private static double one(Bucket bucket, int decisions) {
    long admitted = 0, began = SYSTEM.getProcessCpuTime();
    for (int i = 0; i < decisions; i++) if (bucket.tryConsume(1)) admitted++;
    double rate = decisions * 1e9 / (SYSTEM.getProcessCpuTime() - began);
    if (admitted > 100) throw new IllegalStateException("bucket4j admitted " + admitted + " of what it should refuse");
    return rate;
  }

  private static double many(ConcurrentHashMap<String, Bucket> table, String[] names) {
    long began = SYSTEM.getProcessCpuTime();
    for (int i = 0; i < names.length; i++) {
      String name = names[(int) ((long) i * 7919 % names.length)];
      table.computeIfAbsent(name, key -> bucket()).tryConsume(1);
    }
    return names.length * 1e9 / (SYSTEM.getProcessCpuTime() - began);
  }

  public static void main(String[] args) {
    int decisions = Integer.parseInt(args[0]), keys = Integer.parseInt(args[1]);
    Bucket single = bucket();
    String[] names = new String[keys];
    for (int i = 0; i < keys; i++) names[i] = "user-" + i;
    ConcurrentHashMap<String, Bucket> table = new ConcurrentHashMap<>();
    double first = 0, second = 0;
    for (int round = 0; round < 3; round++) {
      first = one(single, decisions);
      second = many(table, names);
    }
    System.out.printf("%.0f %.0f%n", first, second);
  }
}
