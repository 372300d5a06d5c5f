import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.flywaydb.core.Flyway;
import org.jooq.codegen.GenerationTool;
import org.jooq.meta.jaxb.Configuration;
import org.jooq.meta.jaxb.Database;
import org.jooq.meta.jaxb.ForcedType;
import org.jooq.meta.jaxb.Generate;
import org.jooq.meta.jaxb.Generator;
import org.jooq.meta.jaxb.Jdbc;
import org.jooq.meta.jaxb.Target;

/**
 * Runs the migrations on an empty database in memory and has jOOQ write the table classes. Skipped
 * while neither the migrations, nor this file, nor the version of jOOQ has changed.
 */
final class GenerateTables {
  private static final String URL =
      "jdbc:h2:mem:generate;MODE=PostgreSQL;DATABASE_TO_LOWER=TRUE;"
          + "DEFAULT_NULL_ORDERING=HIGH;DB_CLOSE_DELAY=-1";

  /** Held here, because a logger that no one holds forgets its level. */
  private static final Logger FLYWAY = Logger.getLogger("org.flywaydb");

  private GenerateTables() {}

  /** Arguments: the folder of migrations, this file, the folder to write to. */
  public static void main(String[] args) throws Exception {
    Path migrations = Path.of(args[0]);
    Path target = Path.of(args[2]);
    Path stamp = target.resolveSibling("jooq.stamp");
    String wanted = fingerprint(migrations, Path.of(args[1]));
    if (Files.exists(stamp) && Files.exists(target) && Files.readString(stamp).equals(wanted)) {
      return;
    }
    FLYWAY.setLevel(Level.WARNING);
    Flyway.configure()
        .dataSource(URL, "sa", "")
        .locations("filesystem:" + migrations)
        .load()
        .migrate();
    GenerationTool.generate(
        new Configuration()
            .withJdbc(new Jdbc().withUrl(URL).withUser("sa").withPassword(""))
            .withGenerator(
                new Generator()
                    .withDatabase(
                        new Database()
                            .withInputSchema("public")
                            .withOutputSchemaToDefault(true)
                            .withExcludes("flyway_schema_history")
                            .withForcedTypes(
                                new ForcedType()
                                    .withUserType("byte[]")
                                    .withBinding("dev.chancery.store.OctetsBinding")
                                    .withIncludeTypes("(VAR)?BINARY.*")))
                    .withGenerate(
                        new Generate()
                            .withRecords(true)
                            .withGeneratedAnnotation(true)
                            .withGeneratedAnnotationDate(false))
                    .withTarget(
                        new Target()
                            .withPackageName("dev.chancery.store.schema")
                            .withDirectory(target.toString()))));
    Files.writeString(stamp, wanted);
  }

  private static String fingerprint(Path migrations, Path self) throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    try (Stream<Path> files = Files.walk(migrations)) {
      for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
        digest.update(file.getFileName().toString().getBytes("UTF-8"));
        digest.update(Files.readAllBytes(file));
      }
    }
    digest.update(Files.readAllBytes(self));
    for (Class<?> part : List.of(GenerationTool.class, Flyway.class)) {
      digest.update(part.getProtectionDomain().getCodeSource().getLocation().toString().getBytes());
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
