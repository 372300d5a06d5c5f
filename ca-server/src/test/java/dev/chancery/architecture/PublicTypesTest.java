package dev.chancery.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaModifier;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A module's API grows only in a diff that shows it: the lists in src/test/resources/public-types.
 */
@DisplayName("Public types")
class PublicTypesTest {
  private static final String UPDATE = "update.public.types";

  /** jOOQ's tables, generated from the migrations. */
  private static final String GENERATED = "dev.chancery.store.schema";

  @ParameterizedTest
  @EnumSource(Module.class)
  @DisplayName("a module's public types are those of its list")
  void equalTheList(Module module) throws IOException {
    Path list = Path.of("src/test/resources/public-types", module.folder + ".txt");
    List<String> types = publicTypes(module);
    if (Boolean.getBoolean(UPDATE)) {
      Files.write(list, types);
    }

    assertThat(types)
        .describedAs(
            "public types of %s against %s; when the change is meant, write the lists anew: "
                + "mvn -pl ca-server -am test -D%s=true -Dtest=PublicTypesTest "
                + "-Dsurefire.failIfNoSpecifiedTests=false",
            module, list, UPDATE)
        .isEqualTo(Files.readAllLines(list));
  }

  private static List<String> publicTypes(Module module) {
    return Module.CLASSES.stream()
        .filter(type -> type.getName().startsWith(module.packageName + "."))
        .filter(type -> !type.getPackageName().startsWith(GENERATED))
        .filter(PublicTypesTest::isPublic)
        .map(JavaClass::getName)
        .sorted()
        .toList();
  }

  private static boolean isPublic(JavaClass type) {
    return type.getModifiers().contains(JavaModifier.PUBLIC)
        && type.getEnclosingClass().map(PublicTypesTest::isPublic).orElse(true);
  }
}
