package sample;

class Broken {
    java.util.function.Supplier<Object> any(boolean yes) {
        return () -> yes ? new Missing() : new Other();
    }
}

class Missing extends Parent {}

class Other extends Parent {}

class Parent {}
