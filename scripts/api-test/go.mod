module api-test

go 1.19
